// Package rpmdb reads which packages a root filesystem has installed, from the database that rpm keeps in it: of SQLite, as in
// Amazon Linux 2023, or of Berkeley DB, as in those before.
//
// go-rpmdb knows both. But it reads each in a goroutine of its own, where nobody can recover from its panics, and it doesn't
// check what it follows: a garbled page of Berkeley DB can send it round in circles for ever, and a database of SQLite is a
// program that may take any time. So it runs in a process of its own, this program once more, with limits that Linux keeps.
// Programs that read databases, and their tests, call RunChild first of all.
package rpmdb
