package cloudformation_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/cloudformation"
)

// description has one resource, whose property Bowls is a list of a type of its own.
const description = `{"schema": {
	"resource": {"entities": [{"cloudFormationType": "AWS::Pet::Cat", "properties": {
		"Mood": {"type": {"type": "string", "allowedValues": ["calm", "wild"]}},
		"Lives": {"type": {"type": "integer", "allowedValues": [7, 9]}},
		"Food": {"documentation": "What it eats: ` + "`fish` or `meat`" + `.", "type": {"type": "string"}},
		"Bowls": {"type": {"type": "array", "element": {"type": "ref", "reference": {"$ref": "12"}}}}
	}}]},
	"typeDefinition": {"entities": [{"$id": "12", "properties": {"WaterLevel": {"type": {"type": "integer"}}}}]},
	"metric": {"entities": [{"namespace": "AWS/Pet", "name": "Purrs"}]}
}}`

func spec(t *testing.T) *cloudformation.Spec {
	t.Helper()
	var inner, outer bytes.Buffer
	zipped := gzip.NewWriter(&inner)
	_, err := zipped.Write([]byte(description))
	must(t, err)
	must(t, zipped.Close())
	zipped = gzip.NewWriter(&outer)
	files := tar.NewWriter(zipped)
	must(t, files.WriteHeader(&tar.Header{Name: "package/db.json.gz", Mode: 0o644, Size: int64(inner.Len())}))
	_, err = files.Write(inner.Bytes())
	must(t, err)
	must(t, files.Close())
	must(t, zipped.Close())
	sum := sha512.Sum512(outer.Bytes())
	s, err := cloudformation.Read(outer.Bytes(), "sha512-"+base64.StdEncoding.EncodeToString(sum[:]))
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	rightClaims = `{"properties": [
		{"of": "AWS::Pet::Cat", "path": "Mood", "in": "cat.tf", "values": ["calm"]},
		{"of": "AWS::Pet::Cat", "path": "Lives", "in": "cat.tf", "values": [9]},
		{"of": "AWS::Pet::Cat", "path": "Food", "in": "cat.tf", "values": ["fish"], "text": "Fish"},
		{"of": "AWS::Pet::Cat", "path": "Bowls.WaterLevel", "in": "cat.tf"}
	]}`
	rightAlarms = `quiet = { space = "AWS/Pet", metric = "Purrs" }
		tasks = { space = "ECS/ContainerInsights", metric = "RunningTaskCount" }`
	rightCat = `cat = { mood = "calm", lives = 9, food = "Fish", bowls = [{ waterLevel = 3 }] }`
)

func TestCheck(t *testing.T) {
	t.Parallel()
	s := spec(t)
	check := func(t *testing.T, claims, alarms, cat string) (int, error) {
		t.Helper()
		root := t.TempDir()
		must(t, os.Mkdir(filepath.Join(root, "tests"), 0o700))
		for name, text := range map[string]string{"tests/cloudformation.json": claims, "alarms.tf": alarms, "cat.tf": cat} {
			must(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
		}
		return s.Check(root)
	}
	if n, err := check(t, rightClaims, rightAlarms, rightCat); n != 6 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for name, c := range map[string]struct{ claims, alarms, cat, want string }{
		"a value that is never taken":     {strings.Replace(rightClaims, `"calm"`, `"angry"`, 1), rightAlarms, rightCat, "Mood of AWS::Pet::Cat is never angry"},
		"a number that is never taken":    {strings.Replace(rightClaims, "[9]", "[8]", 1), rightAlarms, rightCat, "Lives of AWS::Pet::Cat is never 8"},
		"a value that is not documented":  {strings.Replace(rightClaims, `"fish"`, `"mice"`, 1), rightAlarms, rightCat, "never mice"},
		"a name that is not there":        {strings.Replace(rightClaims, "WaterLevel", "MilkLevel", 1), rightAlarms, rightCat, "has no MilkLevel"},
		"a resource that is not there":    {strings.Replace(rightClaims, "AWS::Pet::Cat", "AWS::Pet::Dog", 1), rightAlarms, rightCat, "AWS knows no AWS::Pet::Dog"},
		"a metric that is not there":      {rightClaims, strings.Replace(rightAlarms, "Purrs", "Barks", 1), rightCat, "AWS knows no metric Barks in AWS/Pet"},
		"a claim that the file outgrew":   {rightClaims, rightAlarms, strings.Replace(rightCat, "calm", "wild", 1), "cat.tf does not say calm any more"},
		"an argument that is not set now": {rightClaims, rightAlarms, strings.Replace(rightCat, "waterLevel", "level", 1), "cat.tf does not say waterLevel any more"},
		"claims that cannot be read":      {"{", rightAlarms, rightCat, "read what the root claims"},
	} {
		if _, err := check(t, c.claims, c.alarms, c.cat); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	if _, err := cloudformation.Read([]byte("x"), "sha512-"); err == nil || !strings.Contains(err.Error(), "another one") {
		t.Errorf("got %v", err)
	}
}
