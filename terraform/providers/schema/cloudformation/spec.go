// Package cloudformation knows what AWS' own description of its resources says: which properties there are, which values they take,
// and which metrics CloudWatch has. A Terraform root is compared with it where the schema of the provider says only "string".
package cloudformation

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/npm"
)

// Spec is AWS' description.
type Spec struct {
	resources map[string]map[string]property // by the type, like AWS::ECS::Service
	types     map[string]map[string]property // by id
	metrics   map[string]bool                // "<namespace> <name>"
}

type property struct {
	Documentation string `json:"documentation"`
	Type          kind   `json:"type"`
}

// kind is the type of a property: a scalar with the values that it may have, a list or map of elements, or a reference.
type kind struct {
	Type    string `json:"type"`
	Allowed []any  `json:"allowedValues"`
	Element *kind  `json:"element"`
	To      struct {
		ID string `json:"$ref"`
	} `json:"reference"`
}

// Read reads the package @aws-cdk/aws-service-spec.
func Read(tarball []byte, integrity string) (*Spec, error) {
	files, err := npm.Open(tarball, integrity)
	if err != nil {
		return nil, err
	}
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the package holds no db.json.gz")
		} else if err != nil {
			return nil, fmt.Errorf("read the package: %w", err)
		}
		if strings.HasSuffix(h.Name, "/db.json.gz") {
			return decode(files)
		}
	}
}

// entities is a table of the database.
type entities[T any] struct {
	List []T `json:"entities"`
}

func decode(zipped io.Reader) (*Spec, error) {
	unzipped, err := gzip.NewReader(zipped)
	if err != nil {
		return nil, fmt.Errorf("unzip the description: %w", err)
	}
	var db struct {
		Schema struct {
			Resource entities[struct {
				Type       string              `json:"cloudFormationType"`
				Properties map[string]property `json:"properties"`
			}] `json:"resource"`
			TypeDefinition entities[struct {
				ID         string              `json:"$id"`
				Properties map[string]property `json:"properties"`
			}] `json:"typeDefinition"`
			Metric entities[struct{ Namespace, Name string }] `json:"metric"`
		} `json:"schema"`
	}
	if err := json.NewDecoder(unzipped).Decode(&db); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	s := &Spec{resources: map[string]map[string]property{}, types: map[string]map[string]property{}, metrics: map[string]bool{}}
	for _, r := range db.Schema.Resource.List {
		s.resources[r.Type] = r.Properties
	}
	for _, t := range db.Schema.TypeDefinition.List {
		s.types[t.ID] = t.Properties
	}
	for _, m := range db.Schema.Metric.List {
		s.metrics[m.Namespace+" "+m.Name] = true
	}
	return s, nil
}

// property finds one by its path, like HealthCheck.Interval.
func (s *Spec) property(resource, path string) (property, error) {
	properties := s.resources[resource]
	if properties == nil {
		return property{}, fmt.Errorf("AWS knows no %s", resource)
	}
	var p property
	for _, name := range strings.Split(path, ".") {
		var found bool
		if p, found = properties[name]; !found {
			return property{}, fmt.Errorf("%s has no %s (of %s)", resource, name, path)
		}
		for p.Type.Element != nil {
			p.Type = *p.Type.Element
		}
		properties = s.types[p.Type.To.ID]
	}
	return p, nil
}

// takes says whether a value is one of those that the property has, or else one that its documentation names.
func (p property) takes(value any) bool {
	if len(p.Type.Allowed) > 0 {
		return slices.Contains(p.Type.Allowed, value)
	}
	return strings.Contains(p.Documentation, "`"+fmt.Sprint(value)+"`")
}
