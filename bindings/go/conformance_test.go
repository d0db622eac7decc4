// SPDX-License-Identifier: Apache-2.0

package hedgerouter_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestConformance runs the language-neutral cases through the Go testee: one subtest for each that this binding can
// express. The driver needs a Python with jsonschema: the one the project's setup made, or the one on PATH.
func TestConformance(t *testing.T) {
	python, err := filepath.Abs("../../.build/venv/bin/python")
	if _, missing := os.Stat(python); err != nil || missing != nil {
		python = "python3"
	}
	testee := filepath.Join(t.TempDir(), "testee-go")
	build := exec.Command("go", "build", "-o", testee, ".")
	build.Dir = "../../Tests/conformance/testees/go"
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the testee does not build: %v\n%s", err, output)
	}
	results := filepath.Join(t.TempDir(), "results.json")
	driver := exec.Command(python, "../../Tests/conformance/hrconf.py", "--testee", testee, "--json", results)
	output, _ := driver.CombinedOutput() // it also fails when a case does, and the results say which
	data, err := os.ReadFile(results)
	if err != nil {
		t.Fatalf("the driver wrote no results:\n%s", output)
	}
	var rows []struct{ ID, Outcome, Detail string }
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, row := range rows {
		if row.Outcome == "skipped" {
			continue // it needs what this binding does not have; known/go.json says why
		}
		ran++
		row := row
		t.Run(row.ID, func(t *testing.T) {
			if row.Outcome != "passed" {
				t.Error(row.Detail)
			}
		})
	}
	if ran == 0 {
		t.Errorf("no case ran:\n%s", output)
	}
}
