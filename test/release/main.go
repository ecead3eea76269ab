// Command release makes what a release consists of: programs, archives, the frontend's image, bills of materials, checksums.
// Nothing of it depends on the hour, the folder or the user, so that anybody can make the same from the same commit.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logrus.SetOutput(io.Discard) // what a content store complains of, it also returns, or does without
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	check := flags.Bool("check", false, "only look whether the release can be made")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "that it is for")
	dir := flags.String("dir", "bin/release", "folder for it, in which nothing else is left")
	if err := flags.Parse(args); err != nil {
		return err
	}
	src, err := openSource(ctx, ".", flags.Arg(0))
	if err != nil {
		return errors.Wrap(err, "nothing is made")
	}
	if *check {
		return nil
	}
	r := &release{source: src, platforms: strings.Split(*platforms, ","), addr: os.Getenv("BUILDKIT_HOST"), log: stdout}
	return r.writeTo(ctx, *dir)
}
