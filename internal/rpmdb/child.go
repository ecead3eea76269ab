package rpmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	gorpmdb "github.com/knqyf263/go-rpmdb/pkg"
	"github.com/knqyf263/go-rpmdb/pkg/sqlite3"
	"github.com/pkg/errors"
	_ "modernc.org/sqlite" // the driver that go-rpmdb asks for
)

// Exit codes of the child, besides that of a Go program that panics.
const (
	exitBroken = 3
	exitUsage  = 4
)

// runChild writes the packages of a database to standard output, or what is wrong to standard error.
func runChild(args []string) int {
	if len(args) != 3 {
		return exitUsage
	}
	if err := setLimits(args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	packages, err := list(context.Background(), args[0])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(packages)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitBroken
	}
	return 0
}

func setLimits(args []string) error {
	var l limits
	for i, value := range []*int{&l.cpu, &l.memory} {
		var err error
		if *value, err = strconv.Atoi(args[i]); err != nil {
			return err
		}
	}
	return l.set()
}

// list reads a database of any form.
func list(ctx context.Context, file string) ([]Package, error) {
	db, err := gorpmdb.Open(file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := countRows(ctx, file)
	if err != nil {
		return nil, err
	}
	infos, err := listWhole(db)
	if err != nil {
		return nil, err
	}
	if rows >= 0 && rows != len(infos) {
		return nil, errors.Errorf("it ends after %d packages of %d", len(infos), rows)
	}
	packages := []Package{}
	for _, p := range infos {
		if p.Name == "" {
			return nil, errors.New("it has a package without a name")
		}
		packages = append(packages, Package{p.Name, p.EpochNum(), p.Version, p.Release, p.Arch})
	}
	return packages, nil
}

// listWhole lists packages, and doesn't return where go-rpmdb panics. It does so in a goroutine (v0.1.1), which closes the channel of
// packages before it ends the process: until then that is as if there were no more of them.
func listWhole(db *gorpmdb.RpmDB) ([]*gorpmdb.PackageInfo, error) {
	before := runtime.NumGoroutine()
	infos, err := db.ListPackages()
	for err == nil && runtime.NumGoroutine() > before {
		time.Sleep(time.Millisecond)
	}
	return infos, err
}

// countRows checks a database of SQLite, and counts its packages: go-rpmdb (pkg/sqlite3 of v0.1.1) takes a table that it can't
// read on for one that ends. -1 says that the form is another.
func countRows(ctx context.Context, file string) (n int, err error) {
	db, err := sqlite3.Open(file)
	if errors.Is(err, sqlite3.ErrorInvalidSQLite3) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return 0, err
	}
	if verdict != "ok" {
		return 0, errors.New(verdict)
	}
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM Packages").Scan(&n)
	return n, err
}
