// Command serve makes a sample of the snapshot repository, unless it is there, and serves it.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"lambdabase/internal/sample"
)

func main() {
	dir := flag.String("dir", "sample", "folder of the repository; made if it is not there")
	addr := flag.String("addr", "127.0.0.1:8417", "address to serve on")
	scale := flag.Float64("scale", 0.001, "size of the layers; 1 is as large as the real ones")
	shell := flag.String("shell", "", "static amd64 busybox for nodejs20.x and provided.al2023")
	branches := flag.String("branches", "", "comma-separated runtimes to make; all if empty")
	flag.Parse()

	repository, err := prepare(*dir, sample.UpstreamOptions{
		Scale: *scale, Shell: *shell, Branches: strings.FieldsFunc(*branches, func(r rune) bool { return r == ',' }),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(serve(repository, *addr))
}

func prepare(dir string, opts sample.UpstreamOptions) (*sample.Repository, error) {
	if _, err := os.Stat(filepath.Join(dir, "repo.git")); err == nil {
		return sample.Open(dir)
	}
	branches, err := sample.Upstream(opts)
	if err != nil {
		return nil, err
	}
	return sample.Create(dir, branches)
}

func serve(repository *sample.Repository, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := sample.NewServer(repository)
	server.OnRequest = func(r sample.Request) {
		log.Println(r.Status, r.Kind, r.Method, r.Path, r.Bytes)
	}
	url, objects := server.URLs("http://" + listener.Addr().String())
	fmt.Printf("repository %s\nobjects    %s\n", url, objects)
	return http.Serve(listener, server)
}
