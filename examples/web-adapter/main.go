// Command web-adapter is a web server that knows nothing of Lambda: AWS's Lambda Web Adapter, an extension, makes requests of
// invocations (https://github.com/awslabs/aws-lambda-web-adapter).
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s\n", cmp.Or(r.URL.Query().Get("name"), "world"))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("AWS_LWA_PORT"), nil))
}
