// The part of kube-apiserver that serves custom resources, as k8s.io/apiextensions-apiserver has it, put together as
// kube-apiserver does it where the program of that module leaves something out.
package main

import (
	"context"
	"net/url"
	"os"

	"github.com/spf13/cobra"
	noopoteltrace "go.opentelemetry.io/otel/trace/noop"

	"k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	generatedopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/initializer"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/openapi"
	"k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/kubernetes/scheme"
	corev1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/component-base/cli"
)

func main() {
	ctx := genericapiserver.SetupSignalContext()
	o := options.NewCustomResourceDefinitionsServerOptions(os.Stdout, os.Stderr)
	o.RecommendedOptions.ExtraAdmissionInitializers = callServicesOfWebhooks
	command := &cobra.Command{
		Use:          "kubernetes-api",
		SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return o.ServerRunOptions.ComponentGlobalsRegistry.Set()
		},
		RunE: func(command *cobra.Command, _ []string) error {
			return run(command.Context(), o)
		},
	}
	command.SetContext(ctx)
	o.AddFlags(command.Flags())
	os.Exit(cli.Run(command))
}

func run(ctx context.Context, o *options.CustomResourceDefinitionsServerOptions) error {
	if err := o.Complete(); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	config, err := o.Config()
	if err != nil {
		return err
	}
	// Else there is no OpenAPI 2 document, in which kubectl looks up how lists of the kinds are merged.
	definitions := openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generatedopenapi.GetOpenAPIDefinitions)
	namer := openapinamer.NewDefinitionNamer(apiserver.Scheme, scheme.Scheme)
	config.GenericConfig.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	completed := config.Complete()
	// Else /apis is left to kube-aggregator, which is not there.
	completed.GenericConfig.EnableDiscovery = true
	server, err := completed.New(genericapiserver.NewEmptyDelegate())
	if err != nil {
		return err
	}
	return server.GenericAPIServer.PrepareRun().RunWithContext(ctx)
}

// callServicesOfWebhooks leads webhooks that name a Service where that Service leads, one of type ExternalName out of the
// cluster, instead of looking up NAME.NAMESPACE.svc, which nobody resolves on this machine.
func callServicesOfWebhooks(config *genericapiserver.RecommendedConfig) ([]admission.PluginInitializer, error) {
	authentication := webhook.NewDefaultAuthenticationInfoResolverWrapper(
		nil, nil, config.LoopbackClientConfig, noopoteltrace.NewTracerProvider())
	services := &serviceResolver{config.SharedInformerFactory.Core().V1().Services().Lister()}
	return []admission.PluginInitializer{initializer.NewPluginInitializer(authentication, services)}, nil
}

type serviceResolver struct {
	services corev1.ServiceLister
}

func (r *serviceResolver) ResolveEndpoint(namespace, name string, port int32) (*url.URL, error) {
	return proxy.ResolveCluster(r.services, namespace, name, port)
}
