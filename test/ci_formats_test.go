package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// gitLabJob is a job of .gitlab-ci.yml, or what jobs extend.
type gitLabJob struct {
	Stage, Image, Extends string
	Services              []string
	Variables             map[string]string
	BeforeScript          []string `yaml:"before_script"`
	Script                []string
	Rules                 []struct{ If string }
	Artifacts             struct{ Paths []string }
}

// readGitLab reads the jobs of .gitlab-ci.yml, with what they extend.
func readGitLab(t *testing.T) map[string]gitLabJob {
	t.Helper()
	file := readYAML[struct {
		Stages    []string
		Variables map[string]string
		Jobs      map[string]gitLabJob `yaml:",inline"`
	}](t, "gitlab-ci.yml")
	jobs := map[string]gitLabJob{}
	for name, job := range file.Jobs {
		if strings.HasPrefix(name, ".") {
			continue
		}
		if job.Extends != "" {
			require.Contains(t, file.Jobs, job.Extends)
			base := file.Jobs[job.Extends]
			job.Stage, job.BeforeScript = base.Stage, base.BeforeScript
		}
		require.Contains(t, file.Stages, job.Stage, name)
		require.NotEmpty(t, job.Script, name)
		jobs[name] = job
	}
	return jobs
}

// buildkitePipeline is pipeline.yml.
type buildkitePipeline struct {
	Env   map[string]string
	Steps []struct {
		Label, If        string
		SoftFail         bool `yaml:"soft_fail"`
		Concurrency      int
		ConcurrencyGroup string `yaml:"concurrency_group"`
		Commands         []string
	}
}

// readBuildkite reads the pipeline as it is once it was uploaded.
func readBuildkite(t *testing.T) buildkitePipeline {
	t.Helper()
	pipeline := readYAML[buildkitePipeline](t, "buildkite.yml")
	for _, step := range pipeline.Steps {
		for i, command := range step.Commands {
			require.NotRegexp(t, `(^|[^$])\$[A-Za-z{]`, command, "which the upload would replace")
			step.Commands[i] = strings.ReplaceAll(command, "$$", "$")
		}
	}
	return pipeline
}

// buildspec is buildspec.yml of CodeBuild.
type buildspec struct {
	Version string
	Env     struct {
		Shell     string
		Variables map[string]string
	}
	Phases struct {
		Install struct {
			RuntimeVersions map[string]string `yaml:"runtime-versions"`
			Commands        []string
		}
		PreBuild  struct{ Commands []string } `yaml:"pre_build"`
		Build     struct{ Commands []string }
		PostBuild struct{ Commands []string } `yaml:"post_build"`
	}
}

func readBuildspec(t *testing.T) buildspec {
	t.Helper()
	return readYAML[buildspec](t, "buildspec.yml")
}

// samTemplate is a template of AWS SAM.
type samTemplate struct {
	Version   string `yaml:"AWSTemplateFormatVersion"`
	Transform string `yaml:"Transform"`
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			PackageType   string   `yaml:"PackageType"`
			Architectures []string `yaml:"Architectures"`
			MemorySize    int      `yaml:"MemorySize"`
			Timeout       int      `yaml:"Timeout"`
		} `yaml:"Properties"`
		Metadata struct {
			DockerContext   string            `yaml:"DockerContext"`
			Dockerfile      string            `yaml:"Dockerfile"`
			DockerTag       string            `yaml:"DockerTag"`
			DockerBuildArgs map[string]string `yaml:"DockerBuildArgs"`
		} `yaml:"Metadata"`
	} `yaml:"Resources"`
}

// readWorkflow reads the commands of the only job of a workflow of GitHub, by the names of the steps. What else is in it,
// actionlint looks at.
func readWorkflow(t *testing.T, name string) (commands map[string]string) {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(ciDir, "github", name))
	require.NoError(t, err)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal(dt, &workflow))
	require.Len(t, workflow.Jobs, 1)
	commands = map[string]string{}
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if step.Name != "" {
				commands[step.Name] = step.Run
			} else if step.Run != "" {
				commands[step.Run] = step.Run
			}
		}
	}
	return commands
}
