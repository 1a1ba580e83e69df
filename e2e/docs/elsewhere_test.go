package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// elsewhere is a command that is not typed here, because it takes minutes, an engine or an account.
type elsewhere struct {
	command string
	proofs  []proof
}

// proof: the file holds that text.
type proof struct{ file, text string }

// runElsewhere lists commands that a script runs.
func runElsewhere() []elsewhere {
	images := proof{"scripts/terraform", `docker build --quiet --network host --build-arg "FUNCTION=$function" --build-arg "VERSION=$1" --tag "rejoin/$function:$1" .`}
	return []elsewhere{
		{"./scripts/test", []proof{{".ci/run", "scripts/test"}}},
		{"docker compose up --build", []proof{{"scripts/compose-stack", "compose up --build"}, {"scripts/compose-verify", "stack up"}}},
		{"docker build -t rejoin/signal:dev .", []proof{images}},
		{"docker build -t rejoin/iceservers:dev --build-arg FUNCTION=iceservers .", []proof{images}},
		{"docker build -t rejoin/signal:dev . && docker build -t rejoin/iceservers:dev --build-arg FUNCTION=iceservers .", []proof{images}},
		{"terraform -chdir=terraform/docker-host/example init", []proof{{"scripts/terraform", `"$terraform" -chdir="$example" init`}}},
		{"terraform -chdir=terraform/docker-host/example apply", []proof{{"scripts/terraform", `"$terraform" -chdir="$example" apply`}}},
		{"DOMAIN=signal.example.com ./scripts/compose-stack acme", []proof{{"scripts/compose-verify", "stack acme"}}},
		{"DOMAIN=signal.example.com ./scripts/compose-stack profile", []proof{{"scripts/compose-verify", "stack profile"}}},
		{"go run ./tools/verify -url wss://signal.example.com -demo=false", []proof{{"scripts/compose-verify", "go run ./tools/verify -url wss://localhost -demo=false"}}},
		{"docker compose run --rm --no-deps --entrypoint rm secret /run/rejoin/wallet", []proof{{"scripts/compose-verify", "run --rm --no-deps --entrypoint rm secret /run/rejoin/wallet"}}},
		{"DOMAIN=signal.example.com ./scripts/compose-stack acme --force-recreate secret coturn", []proof{{"scripts/compose-verify", "stack acme --force-recreate secret coturn"}}},
		{"docker exec -e TURN_SECRET_FILE=/run/rejoin/wallet rejoin-iceservers /function -profile wss://signal.example.com", []proof{
			{"scripts/terraform", "docker exec -e TURN_SECRET_FILE=/run/rejoin/wallet rejoin-iceservers /function -profile wss://signal.example.com"},
		}},
		{"docker run --rm --network none --user 0:0 -v rejoin-secret:/run/rejoin --entrypoint rm valkey/valkey:8.1.8-alpine /run/rejoin/wallet", []proof{
			{"terraform/docker-host/main.tf", `name = "${var.name}-secret"`}, {"terraform/docker-host/variables.tf", `"valkey/valkey:8.1.8-alpine"`},
		}},
		{"terraform -chdir=terraform/docker-host/example apply -replace=module.rejoin.docker_container.setup -replace=module.rejoin.docker_container.coturn", []proof{
			{"terraform/docker-host/main.tf", `resource "docker_container" "setup"`}, {"terraform/docker-host/public.tf", `resource "docker_container" "coturn"`},
		}},
		{"./scripts/terraform test", []proof{{"scripts/test", "./scripts/terraform test"}}},
		{"./scripts/bench", []proof{{"Taskfile.yml", "./scripts/bench {{.CLI_ARGS}}"}, {"scripts/bench", "all() {"}}},
		{"./scripts/bench-micro", []proof{{".github/workflows/nightly.yml", "./scripts/bench-micro"}}},
		{"./scripts/bench jitter", []proof{{"Taskfile.yml", "./scripts/bench jitter"}, {"scripts/bench", "run jitter jitter"}}},
		// A benchmark: it is there, and what it costs to run it is too much for a test.
		{"go test -run '^$' -bench BenchmarkReading -benchtime 2000x ./streams", []proof{{"streams/reading_bench_test.go", "func BenchmarkReading("}}},
	}
}

// needAccount lists commands that no test runs, because they create things in the reader's cloud or cluster. The examples that
// they apply are validated (scripts/terraform), and what they name is what these ask for.
func needAccount() []elsewhere {
	validated := proof{"scripts/terraform", `-chdir="terraform/$1/example" validate`}
	const cluster, onAWS = "terraform/kubernetes/example/main.tf", "terraform/aws-ecs/example/main.tf"
	return []elsewhere{
		{applyOf("aws-ecs"), []proof{validated}},
		{`aws secretsmanager create-secret --name rejoin/redis-password --secret-string "$(openssl rand -hex 24)"`, []proof{{onAWS, `secret_id = "rejoin/redis-password"`}}},
		{`aws secretsmanager create-secret --name rejoin/turn --secret-string "$(openssl rand -hex 24)"`, []proof{{onAWS, `name = "rejoin/turn"`}}},
		{"curl -s https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonElastiCache/current/us-east-1/index.csv | grep 'NodeUsage:cache.t4g.small' | grep OnDemand", []proof{
			{"terraform/modules/cost/prices.json", "AmazonElastiCache, NodeUsage:cache.t4g.small"},
		}},
		{applyOf("azure-container-apps"), []proof{validated}},
		{applyOf("google-cloud-run"), []proof{validated}},
		{applyOf("kubernetes"), []proof{validated}},
		{"az group create --name rejoin --location westeurope", []proof{
			{"terraform/azure-container-apps/example/main.tf", `resource_group_name = "rejoin"`},
			{"terraform/azure-container-apps/example/main.tf", `"westeurope"`},
		}},
		{"gcloud services enable run.googleapis.com memorystore.googleapis.com secretmanager.googleapis.com compute.googleapis.com " +
			"networkconnectivity.googleapis.com serviceconsumermanagement.googleapis.com", []proof{
			{"terraform/google-cloud-run/service.tf", `"google_cloud_run_v2_service"`},
			{"terraform/google-cloud-run/redis.tf", `"google_memorystore_instance"`},
			{"terraform/google-cloud-run/network.tf", `"google_network_connectivity_service_connection_policy"`},
		}},
		{"helm install rejoin oci://ghcr.io/rejoin-dev/charts/rejoin --version 0.1.0 --namespace rejoin --create-namespace", []proof{
			{"scripts/release-chart", `helm push ".cache/chart/rejoin-$version.tgz" "oci://$registry"`}, {"deploy/helm/rejoin/Chart.yaml", "version: 0.1.0"},
		}},
		{"helm install rejoin deploy/helm/rejoin --namespace rejoin --create-namespace --set image.repository=registry.example.com/signal", []proof{
			{"scripts/helm/chart_test.go", `const directory = "../../deploy/helm/rejoin"`}, {"scripts/test", "go -C scripts/helm test"},
		}},
		{`TURN_URLS=turn:198.51.100.7:3478 STUN_URLS=stun:198.51.100.7:3478 TURN_SECRET="$(kubectl -n rejoin get secret rejoin-wallet -o jsonpath='{.data.secret}' | base64 -d)" ` +
			`go run ./functions/iceservers -profile wss://signal.example.com`, []proof{{"deploy/helm/rejoin/templates/_helpers.tpl", `printf "%s-wallet"`}}},
		{"kubectl -n rejoin delete secret rejoin-wallet && helm upgrade rejoin oci://ghcr.io/rejoin-dev/charts/rejoin --version 0.1.0 --namespace rejoin --reuse-values && " +
			"kubectl -n rejoin rollout restart daemonset/rejoin-coturn", []proof{
			{"deploy/helm/rejoin/templates/coturn.yaml", `include "rejoin.metadata" (list . "coturn")`}, {"deploy/helm/rejoin/Chart.yaml", "version: 0.1.0"},
		}},
		{"kubectl create namespace rejoin", []proof{{cluster, `namespace = "rejoin"`}}},
		{`kubectl -n rejoin create secret generic redis --from-literal=password="$(openssl rand -hex 24)"`, []proof{{cluster, `password_secret = { name = "redis" }`}}},
		{`kubectl -n rejoin create secret generic turn --from-literal=secret="$(openssl rand -hex 24)"`, []proof{{cluster, `secret = { name = "turn" }`}}},
	}
}

func applyOf(name string) string {
	example := "terraform -chdir=terraform/" + name + "/example "
	return example + "init && " + example + "apply"
}

// TestEveryCommandIsRun: each command line of the documentation is typed by a play, run elsewhere or known to need an account,
// and nothing is listed that no page has.
func TestEveryCommandIsRun(t *testing.T) {
	t.Parallel()
	listed := map[string]string{}
	for _, p := range plays() {
		for _, c := range p.commands {
			listed[c] = "the play " + p.name
		}
	}
	for _, e := range slices.Concat(runElsewhere(), needAccount()) {
		listed[e.command] = "elsewhere_test.go"
		for _, p := range e.proofs {
			text, err := os.ReadFile(filepath.Join(root, p.file))
			if err != nil {
				t.Errorf("%s: %v", e.command, err)
			} else if !strings.Contains(string(text), p.text) {
				t.Errorf("%s: %s does not hold %q", e.command, p.file, p.text)
			}
		}
	}
	onPages := commands(t)
	for _, c := range slices.Sorted(maps.Keys(onPages)) {
		if listed[c] == "" {
			t.Errorf("%s: no test runs %s", onPages[c], c)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(listed)) {
		if onPages[c] == "" {
			t.Errorf("%s has what no page has: %s", listed[c], c)
		}
	}
}
