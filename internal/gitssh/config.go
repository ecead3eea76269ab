package gitssh

// CheckKnownHosts says what is wrong with the lines that a user gave as option known-hosts.
func CheckKnownHosts(option string) error {
	_, err := parseKnownHosts(option)
	return err
}
