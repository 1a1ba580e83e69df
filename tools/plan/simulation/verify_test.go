package simulation_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/tools/plan/simulation"
	"github.com/rejoin-dev/rejoin/tools/plan/sizing"
)

// TestVerify: a plan for a storm holds in it, and one for less does not.
func TestVerify(t *testing.T) {
	t.Parallel()
	u, err := sizing.LoadUnits("../../../docs/performance")
	if err != nil {
		t.Fatal(err)
	}
	prices, err := sizing.LoadPrices("../../../terraform/modules/cost/prices.json")
	if err != nil {
		t.Fatal(err)
	}
	careful := sizing.Planner{Units: u, Assume: sizing.Defaults(), Prices: prices}
	careful.Assume.Storm, careful.Assume.Grace = 1, 20*time.Second // so much that a plan for daily life cannot do it, whatever was measured
	careless := careful
	careless.Assume.Storm, careless.Assume.Recovery, careless.Assume.Grace = 0.01, time.Hour, time.Hour
	platforms := sizing.Platforms(&prices)
	plan, cheap := careful.Plan(&platforms[2], 300_000), careless.Plan(&platforms[2], 300_000)
	if v := simulation.Verify(&careful, &plan, 1, 3); len(v.Broken) > 0 || len(v.Results) != 4 {
		t.Errorf("the plan breaks: %v", v.Broken)
	}
	if cheap.Shards >= plan.Shards {
		t.Fatalf("%v shards without a storm, %v with one", cheap.Shards, plan.Shards)
	}
	if v := simulation.Verify(&careful, &cheap, 1, 3); len(v.Broken) == 0 {
		t.Error("a plan for no storm holds in a storm")
	}
	if v := simulation.Verify(&careful, &plan, 1000, 3); len(v.Broken) == 0 {
		t.Error("a plan holds with a thousand times as many clients")
	}
}
