// Validates Istio's objects as the webhook of istiod does, by its code: YAML on standard input, what is wrong on
// standard error. istioctl does so too, and much besides.
package main

import (
	"fmt"
	"io"
	"os"

	"istio.io/istio/pilot/pkg/config/kube/crd"
)

func main() {
	objects, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, unknown, parsed := crd.ParseInputs(string(objects))
		err = parsed
		for _, object := range unknown {
			err = fmt.Errorf("%s %s is no object of Istio's", object.APIVersion, object.Kind)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
