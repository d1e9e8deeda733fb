// The oracle: what kustomize-controller makes of a Kustomization, with the libraries that it is made of.
//
// Reads one case on each line of stdin and answers with one line: the objects as they would be applied, or the error. The
// order of the steps is that of the controller; nothing is decrypted, and no cluster is asked.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Case is a repository and one Kustomization of it, with the objects that the cluster has.
type Case struct {
	Files         map[string]string           `json:"files"`
	Kustomization map[string]any              `json:"kustomization"`
	ConfigMaps    map[string]corev1.ConfigMap `json:"configMaps"`
	Secrets       map[string]corev1.Secret    `json:"secrets"`
	Strict        bool                        `json:"strict"`
}

// Answer holds the objects as they would be applied, or why there are none.
type Answer struct {
	Objects []map[string]any `json:"objects,omitempty"`
	Error   string           `json:"error,omitempty"`
}

// cluster answers for the objects of a case, and for nothing else.
type cluster struct {
	client.Client
	of Case
}

func (c cluster) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *corev1.ConfigMap:
		if found, ok := c.of.ConfigMaps[key.Name]; ok {
			*into = found
			return nil
		}
	case *corev1.Secret:
		if found, ok := c.of.Secrets[key.Name]; ok {
			*into = found
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func build(of Case) ([]map[string]any, error) {
	root, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	for path, text := range of.Files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	flux := unstructured.Unstructured{Object: of.Kustomization}
	path, _, _ := unstructured.NestedString(flux.Object, "spec", "path")
	dir := filepath.Join(root, path)
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	if _, err := kustomize.NewGenerator(root, flux).WriteFile(dir); err != nil {
		return nil, err
	}
	built, err := kustomize.SecureBuild(root, dir, false)
	if err != nil {
		return nil, err
	}
	_, substitutes, _ := unstructured.NestedMap(flux.Object, "spec", "postBuild")
	strategy, _, _ := unstructured.NestedString(flux.Object, "spec", "postBuild", "substituteStrategy")
	for _, one := range built.Resources() {
		if one.GetName() == "" || one.GetKind() == "" || one.GetApiVersion() == "" {
			return nil, errors.New("an object without apiVersion, kind or name")
		}
		if !substitutes {
			continue
		}
		done, err := kustomize.SubstituteVariables(context.Background(), cluster{of: of}, flux, one,
			kustomize.SubstituteWithStrict(of.Strict), kustomize.SubstituteWithAlways(strategy == "Always"))
		if err != nil {
			return nil, err
		}
		if done != nil {
			if _, err := built.Replace(one); err != nil {
				return nil, err
			}
		}
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	objects, err := ssautil.ReadObjects(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	manager := ssa.NewResourceManager(nil, nil, ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
	manager.SetOwnerLabels(objects, flux.GetName(), flux.GetNamespace())
	if err := normalize.UnstructuredList(objects); err != nil {
		return nil, err
	}
	labels, _, _ := unstructured.NestedStringMap(flux.Object, "spec", "commonMetadata", "labels")
	annotations, _, _ := unstructured.NestedStringMap(flux.Object, "spec", "commonMetadata", "annotations")
	ssautil.SetCommonMetadata(objects, labels, annotations)
	bodies := []map[string]any{}
	for _, object := range objects {
		bodies = append(bodies, object.Object)
	}
	return bodies, nil
}

func answer(line []byte) (answer Answer) {
	// Some inputs make the libraries panic; the controller recovers from that, too.
	defer func() {
		if panicked := recover(); panicked != nil {
			answer = Answer{Error: fmt.Sprint("panic: ", panicked)}
		}
	}()
	var of Case
	if err := json.Unmarshal(line, &of); err != nil {
		return Answer{Error: err.Error()}
	}
	objects, err := build(of)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	return Answer{Objects: objects}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		if err := out.Encode(answer(lines.Bytes())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
