// Package contract is what the frontend and the program in its exec steps agree upon: where a step finds and leaves things.
package contract

// What a step finds where. The frontend mounts it, the program reads it.
const (
	Program       = "/lambda-frontend"
	CheckProgram  = "/check-layers"           // that checks layers, and changes seldom
	LayersDir     = "/layers"                 // the layers to be checked, by number
	CheckedFile   = "ok"                      // file of the result of checking layers; there if they can be merged
	OutDir        = "/out"                    // its result
	CacheDir      = "/cache"                  // kept by the daemon from build to build
	SecretsDir    = "/run/secrets/lambdabase" // a file for each secret, by secrets.FileName
	CAFile        = SecretsDir + "/ca"        // certificates in PEM to trust besides those of the image
	AgentSocket   = "/run/lambdabase/agent"   // socket of the user's SSH agent
	KnownHostsEnv = "LAMBDABASE_KNOWN_HOSTS"  // variable: host keys of an SSH remote, as known_hosts has them
	AttemptEnv    = "LAMBDABASE_ATTEMPT"      // variable: makes another step of one that failed; nobody reads it
	BranchesFile  = "branches.json"           // file of the result of listing branches
	FailureFile   = "lambdabase-error"        // file of a failed step's result that says why
)

// Proxies are secrets that take the place of the environment variables of that name, where a proxy wants a password.
var Proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
