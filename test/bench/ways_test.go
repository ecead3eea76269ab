package bench

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lambdabase/internal/sample/githost"

	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"
)

const recipePrefix = "Dockerfile."

// forEach runs one build for each runtime, at once.
func (r request) forEach(build func(runtime string) error) error {
	var group errgroup.Group
	for _, runtime := range r.runtimes {
		group.Go(func() error { return build(runtime) })
	}
	return group.Wait()
}

func (r request) platform() string {
	if r.platforms == "" {
		return "linux/amd64"
	}
	return r.platforms
}

// floor is what any way has to do: each object is fetched, decompressed and unpacked, all at once.
func (s *stage) floor(r request) error {
	var group errgroup.Group
	for oid := range s.host.objects(r) {
		group.Go(func() error {
			dir := filepath.Join(s.dir, "floor", oid)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return errors.WithStack(err)
			}
			return s.run("bash", "-o", "pipefail", "-c", `curl -sSf "$0" | xz -d | tar -x -C "$1"`, s.url+"/objects/"+oid, dir)
		})
	}
	return group.Wait()
}

// usual is what AWS's README says, for a user who has git-lfs installed: checkout fetches the objects, and of both
// architectures. There is one clone, so several runtimes are built one after the other.
func (s *stage) usual(r request) error {
	clone := filepath.Join(s.dir, "aws-lambda-base-images")
	if err := s.run("git", "clone", s.url+githost.RepositoryPath, clone); err != nil {
		return err
	}
	for _, runtime := range r.runtimes {
		if err := s.runIn(clone, "git", "checkout", runtime); err != nil {
			return err
		}
		if err := s.runIn(clone, "git", "lfs", "fetch"); err != nil {
			return err
		}
		if err := s.dockerfile(r, runtime, clone, recipePrefix+runtime); err != nil {
			return err
		}
	}
	return errors.Wrap(os.RemoveAll(clone), "clone") // a next build has a machine of its own
}

func (s *stage) dockerBuild(r request) error {
	return r.forEach(func(runtime string) error {
		return s.dockerfile(r, runtime, s.host.checkout(runtime, r.changed), recipePrefix+runtime)
	})
}

// dockerFunction is a function on a base image that was built, and pushed, with the first one.
func (s *stage) dockerFunction(r request) error {
	return r.forEach(func(runtime string) error {
		base := s.registry.host + "/" + s.id + "/base:" + runtime
		if r.exports {
			plain := request{runtimes: r.runtimes}
			if err := s.buildctl(plain, runtime, append(dockerfileArgs(s.host.checkout(runtime, false), recipePrefix+runtime), "--output=type=image,push=true,name="+base)...); err != nil {
				return err
			}
		}
		dir, err := s.function(base)
		if err != nil {
			return err
		}
		return s.dockerfile(r, runtime, dir, "Dockerfile")
	})
}

// dockerfile builds a Dockerfile as docker build does.
func (s *stage) dockerfile(r request, runtime, dir, name string) error {
	return s.buildctl(r, runtime, dockerfileArgs(dir, name)...)
}

func dockerfileArgs(dir, name string) []string {
	return []string{"--frontend=dockerfile.v0", "--local=context=" + dir, "--local=dockerfile=" + dir, "--opt=filename=" + name}
}

func (s *stage) onDaemon(r request) error {
	return s.byFrontend(r, s.url+githost.ObjectsByPath)
}

func (s *stage) onDaemonByLFS(r request) error { return s.byFrontend(r, "lfs") }

// byFrontend builds with the frontend's image, which the daemon pulls.
func (s *stage) byFrontend(r request, objects string) error {
	return r.forEach(func(runtime string) error {
		args := []string{"--frontend=gateway.v0", "--opt=source=" + s.frontend}
		if r.function {
			dir, err := s.function(runtime)
			if err != nil {
				return err
			}
			args = append(args, "--local=context="+dir, "--local=dockerfile="+dir)
		} else {
			args = append(args, "--opt=runtime="+runtime)
		}
		for _, o := range append(s.options(r, runtime), "objects="+objects) {
			args = append(args, "--opt="+o)
		}
		return s.buildctl(r, runtime, args...)
	})
}

// options are those of the frontend, but where objects are.
func (s *stage) options(r request, runtime string) []string {
	options := []string{"repository=" + s.url + githost.RepositoryPath}
	if commit := s.host.commit(runtime, r); commit != "" {
		options = append(options, "commit="+commit)
	}
	return options
}

// inside builds with the command alone.
func (s *stage) inside(r request) error {
	return s.byCommand(r, "--root="+filepath.Join(s.dir, "cache"))
}

// remote builds with the command on the stage's daemon: the frontend runs in the command.
func (s *stage) remote(r request) error {
	return s.byCommand(r, "--addr="+s.daemon.Addr)
}

func (s *stage) byCommand(r request, where string) error {
	args := append([]string{"build"}, r.runtimes...)
	args = append(args, where, "--platform="+r.platform(), "--objects="+s.url+githost.ObjectsByPath)
	for _, o := range s.options(r, r.runtimes[0]) {
		args = append(args, "--"+o)
	}
	if r.output == ociArchive {
		args = append(args, "--output="+filepath.Join(s.dir, "{runtime}.tar"))
	}
	return s.run(s.command, args...)
}

// buildctl builds on the stage's daemon.
func (s *stage) buildctl(r request, runtime string, args ...string) error {
	args = append([]string{"--addr=" + s.daemon.Addr, "build", "--progress=plain", "--opt=platform=" + r.platform()}, args...)
	name := s.registry.host + "/" + s.id + "/" + runtime
	switch r.output {
	case ociArchive:
		args = append(args, "--output=type=oci,dest="+filepath.Join(s.dir, runtime+".tar"))
	case push:
		args = append(args, "--output=type=image,push=true,name="+name)
	}
	cache := "type=registry,ref=" + name + "-cache"
	if r.exports {
		args = append(args, "--export-cache="+cache+",mode=max")
	}
	if r.imports {
		args = append(args, "--import-cache="+cache)
	}
	return s.run(s.buildctlFile, args...)
}

// createBuilder has buildx send each architecture to a machine of its own.
func (s *stage) createBuilder() error {
	if err := s.run(s.buildxFile, "create", "--name=bench", "--driver=remote", "--platform=linux/amd64", s.daemon.Addr); err != nil {
		return err
	}
	return s.run(s.buildxFile, "create", "--name=bench", "--driver=remote", "--platform=linux/arm64", "--append", s.second.Addr)
}

// bake builds all images at once, each a target of its own.
func (s *stage) bake(r request) error {
	targets := map[string]any{}
	for runtime, platforms := range s.host.images(r) {
		for _, platform := range platforms {
			targets[strings.NewReplacer(".", "-", "/", "-").Replace(runtime+"-"+platform)] = map[string]any{
				"platforms": []string{platform}, "output": []string{"type=cacheonly"}, "attest": []string{"type=provenance,disabled=true"},
				"args": map[string]string{"BUILDKIT_SYNTAX": s.frontend, "LAMBDABASE_RUNTIME": runtime,
					"LAMBDABASE_REPOSITORY": s.url + githost.RepositoryPath, "LAMBDABASE_OBJECTS": s.url + githost.ObjectsByPath},
			}
		}
	}
	text, err := json.Marshal(map[string]any{"target": targets, "group": map[string]any{"default": map[string]any{"targets": slices.Sorted(maps.Keys(targets))}}})
	if err != nil {
		return errors.WithStack(err)
	}
	file := filepath.Join(s.dir, "bake.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return errors.WithStack(err)
	}
	return s.run(s.buildxFile, "bake", "--builder=bench", "--progress=plain", "--file="+file)
}

// function is a folder with a function on a base, whose code is new each time.
func (s *stage) function(base string) (dir string, err error) {
	if dir, err = os.MkdirTemp(s.dir, "function"); err != nil {
		return "", errors.WithStack(err)
	}
	files := map[string]string{
		"Dockerfile": "FROM " + base + "\nCOPY app.mjs ./\nCMD [\"app.handler\"]\n",
		"app.mjs":    fmt.Sprintf("export const handler = async () => 'version %d';\n", s.functions.Add(1)),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return "", errors.WithStack(err)
		}
	}
	return dir, nil
}
