package sizing

import (
	"encoding/json"
	"fmt"
	"os"
)

// Price is a list price in US dollars. Which of its fields count depends on where it stands.
type Price struct {
	USD     float64 `json:"usd"`
	USDHour float64 `json:"usd_hour"`
	VCPU    float64 `json:"vcpu"`
	GiB     float64 `json:"gib"`
	GB      float64 `json:"gb"`
}

// Prices are those of terraform/modules/cost/prices.json.
type Prices struct {
	AsOf   string  `json:"as_of"`
	Hours  float64 `json:"hours_a_month"`
	Google struct {
		VCPUSecond       Price            `json:"cloud_run_vcpu_second"`
		GiBSecond        Price            `json:"cloud_run_gib_second"`
		Egress           Price            `json:"egress_gib"`
		LoadBalancerHour Price            `json:"load_balancer_hour"`
		LoadBalancerGiB  Price            `json:"load_balancer_gib"`
		ClusterHour      Price            `json:"cluster_hour"`
		Machines         map[string]Price `json:"machines"`
		Redis            map[string]Price `json:"redis"`
	} `json:"google"`
	Azure struct {
		VCPUSecond          Price            `json:"container_apps_vcpu_second"`
		GiBSecond           Price            `json:"container_apps_gib_second"`
		Egress              Price            `json:"egress_gb"`
		PrivateEndpointHour Price            `json:"private_endpoint_hour"`
		Redis               map[string]Price `json:"redis"`
	} `json:"azure"`
	AWS struct {
		VCPUHour         Price            `json:"fargate_vcpu_hour"`
		GBHour           Price            `json:"fargate_gb_hour"`
		BalancerHour     Price            `json:"balancer_hour"`
		BalancerUnitHour Price            `json:"balancer_unit_hour"`
		NATHour          Price            `json:"nat_hour"`
		AddressHour      Price            `json:"address_hour"`
		Egress           Price            `json:"egress_gb"`
		Redis            map[string]Price `json:"redis"`
	} `json:"aws"`
}

// LoadPrices reads them.
func LoadPrices(path string) (Prices, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Prices{}, fmt.Errorf("read prices: %w", err)
	}
	var p Prices
	if err := json.Unmarshal(b, &p); err != nil {
		return Prices{}, fmt.Errorf("parse prices: %w", err)
	}
	if p.Hours <= 0 || p.Google.VCPUSecond.USD <= 0 || p.Azure.VCPUSecond.USD <= 0 || len(p.Google.Redis) == 0 || len(p.Azure.Redis) == 0 ||
		len(p.Google.Machines) == 0 || p.AWS.VCPUHour.USD <= 0 || len(p.AWS.Redis) == 0 {
		return Prices{}, fmt.Errorf("%s lacks prices", path)
	}
	return p, nil
}
