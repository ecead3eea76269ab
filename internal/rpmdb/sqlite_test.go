package rpmdb

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/rootfs/rootfstest"

	"github.com/stretchr/testify/require"
)

// openSQLite opens a database with what content has, and nothing if it is empty.
func openSQLite(t *testing.T, content string) (db *sql.DB, file string) {
	file = filepath.Join(t.TempDir(), "rpmdb.sqlite")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, file
}

func execute(t *testing.T, db *sql.DB, statements ...string) {
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
}

func TestWhatWasWrittenLastToADatabaseIsRead(t *testing.T) {
	content := databases(t)["2023/x86_64/rpmdb.sqlite"]
	db, file := openSQLite(t, content)
	execute(t, db, "PRAGMA wal_autocheckpoint = 0", "DELETE FROM Packages WHERE hnum = 1")
	wal, err := os.ReadFile(file + "-wal")
	require.NoError(t, err)
	require.NotEmpty(t, wal)
	for last, want := range map[string]int{"": 10, string(wal): 9} {
		root := withDatabase("/var/lib/rpm/rpmdb.sqlite", content)
		root.Files["/var/lib/rpm/rpmdb.sqlite-wal"] = rootfstest.File{Data: last}
		packages, err := Read(t.Context(), root)
		require.NoError(t, err)
		require.Len(t, packages, want)
	}
}

func TestADatabaseThatIsAProgramEndsSoon(t *testing.T) {
	for name, tc := range map[string]struct{ statement, want string }{
		"no table":       {"CREATE TABLE Others (blob BLOB)", "no such table: Packages"},
		"another column": {"CREATE TABLE Packages (hnum INTEGER)", "no such column: blob"},
		"endless":        {"CREATE VIEW Packages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT x AS blob FROM n", "takes more than 1 seconds"},
		"huge":           {"CREATE TABLE Packages (hnum INTEGER, blob BLOB AS (zeroblob(900000000)))", "it can't be read: "},
		"text":           {"CREATE TABLE Packages (hnum INTEGER, blob BLOB AS ('text'))", "it can't be read: "},
	} {
		t.Run(name, func(t *testing.T) {
			db, file := openSQLite(t, "")
			execute(t, db, tc.statement)
			if strings.Contains(tc.statement, " AS (") && strings.HasPrefix(tc.statement, "CREATE TABLE") {
				execute(t, db, "INSERT INTO Packages (hnum) VALUES (1)")
			}
			_, err := limits{cpu: 1, memory: 256 << 20}.parse(t.Context(), file)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAGarbledPageOfSQLiteIsAnError(t *testing.T) {
	content := []byte(databases(t)["2023/x86_64/rpmdb.sqlite"])
	for page := 1; page < len(content)/4096; page += 7 {
		garbled := append([]byte{}, content...)
		for i := range 64 {
			garbled[page*4096+i] ^= 0x5a
		}
		file := filepath.Join(t.TempDir(), "rpmdb.sqlite")
		require.NoError(t, os.WriteFile(file, garbled, 0o600))
		_, err := defaultLimits.parse(t.Context(), file)
		require.ErrorContains(t, err, "it can't be read: ", "page %d", page)
	}
}
