package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/bindings/bindingstest"
)

// TestMain lets Terraform start the test itself as the provider: install copies the program that runs.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "terraform-provider-") {
		main()
		return
	}
	os.Exit(m.Run())
}

// pet is right; each refusal replaces a line of it.
const pet = `
terraform {
  required_providers {
    example = { source = "rejoin/example" }
  }
}
ephemeral "example_key" "this" {}
data "example_vet" "this" {}
resource "example_pet" "this" {
  name      = "Rex"
  age       = 3
  food      = ["bones", data.example_vet.this.open ? "water" : "milk"]
  anything  = { a = 1, b = { c = "d" } }
  secret_wo = ephemeral.example_key.this.value
  collar {
    color = "red"
  }
  owner {
    weights = { "kg" = 70 }
  }
}
`

func TestValidate(t *testing.T) {
	t.Parallel()
	terraform := mirrored(t)
	if out, err := terraform(t, pet, "validate"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, c := range map[string]struct{ line, by, want string }{
		"a misspelt argument":   {"age       = 3", "agee = 3", `An argument named "agee" is not expected here`},
		"a misspelt block":      {"collar {", "colar {", `Blocks of type "colar" are not expected here`},
		"a misspelt resource":   {`resource "example_pet"`, `resource "example_pett"`, `does not support resource type "example_pett"`},
		"a misspelt attribute":  {"data.example_vet.this.open", "data.example_vet.this.closed", `no argument, nested block, or exported attribute named "closed"`},
		"a missing argument":    {`name      = "Rex"`, "", `The argument "name" is required`},
		"a missing one inside":  {`color = "red"`, "", `The argument "color" is required`},
		"a missing block":       {"owner {\n    weights = { \"kg\" = 70 }\n  }", "", `At least 1 "owner" blocks are required`},
		"a doubled block":       {"collar {", "collar {\n color = \"blue\"\n }\n collar {", `No more than 1 "collar" blocks are allowed`},
		"a number that is none": {"age       = 3", `age = "three"`, "a number is required"},
		"a list for a string":   {`name      = "Rex"`, `name = ["Rex"]`, "string required"},
		"a value in a map":      {"= 70", `= "heavy"`, "a number is required"},
		"a secret kept":         {`name      = "Rex"`, `name = ephemeral.example_key.this.value`, "Ephemeral values are not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(pet, c.line) != 1 {
				t.Fatalf("%q is not in it once", c.line)
			}
			out, err := terraform(t, strings.Replace(pet, c.line, c.by, 1), "validate")
			if err == nil || !strings.Contains(strings.Join(strings.Fields(out), " "), c.want) {
				t.Errorf("want %q, got %v\n%s", c.want, err, out)
			}
		})
	}
}

const mocked = `
mock_provider "example" {
  override_during = plan
  mock_resource "example_pet" {
    defaults = { arn = "arn:rex" }
  }
}
run "is_planned" {
  command = plan
  assert {
    condition     = example_pet.this.name == "Rex" && example_pet.this.arn == "arn:rex" && length(example_pet.this.collar) == 1
    error_message = "got ${example_pet.this.name}"
  }
}
`

func TestMocked(t *testing.T) {
	t.Parallel()
	// Terraform mocks no ephemeral resources.
	text := strings.Replace(strings.Replace(pet, `ephemeral "example_key" "this" {}`, "", 1), "secret_wo = ephemeral.example_key.this.value", "", 1)
	if out, err := mirrored(t)(t, text, "test"); err != nil || !strings.Contains(out, "1 passed, 0 failed") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPlansNothing(t *testing.T) {
	t.Parallel()
	out, err := mirrored(t)(t, pet, "plan", "-input=false")
	if err == nil || !strings.Contains(out, "This is the schema of rejoin/example 1.2.3, not the provider") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// mirrored installs the provider of pets, and returns what runs Terraform with a text in a directory of its own.
func mirrored(t *testing.T) func(t *testing.T, text string, args ...string) (string, error) {
	t.Helper()
	program := os.Getenv("TERRAFORM")
	if program == "" {
		program = "terraform"
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("Terraform is not installed")
	}
	mirror, config := installed(t), filepath.Join(t.TempDir(), "cli.tfrc")
	write(t, config, fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror))
	return func(t *testing.T, text string, args ...string) (string, error) {
		t.Helper()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.tf"), text)
		write(t, filepath.Join(dir, "main.tftest.hcl"), mocked)
		run := func(args ...string) (string, error) {
			c := exec.Command(program, append([]string{"-chdir=" + dir}, args...)...)
			c.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_DATA_DIR="+filepath.Join(dir, "data"))
			out, err := c.CombinedOutput()
			return string(out), err
		}
		if out, err := run("init", "-no-color", "-input=false"); err != nil {
			return out, fmt.Errorf("init: %w", err)
		}
		return run(append(args, "-no-color")...)
	}
}

func installed(t *testing.T) (mirror string) {
	t.Helper()
	tarball, integrity := bindingstest.Package(t, filepath.Join("bindings", "testdata"))
	path, mirror := filepath.Join(t.TempDir(), "package.tgz"), t.TempDir()
	write(t, path, string(tarball))
	if err := run([]string{"install", path, integrity, mirror}, io.Discard); err != nil {
		t.Fatal(err)
	}
	return mirror
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"install"}, {"what"}, {"install", "no.tgz", "sha512-", "mirror"}} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
