// Command go-function is a Lambda function on provided.al2023 that needs nothing but the standard library: it speaks
// Lambda's runtime API itself (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

type event struct {
	Name string `json:"name"`
}

type answer struct {
	Hello string `json:"hello"`
}

func handle(e event) answer {
	if e.Name == "" {
		e.Name = "world"
	}
	return answer{Hello: e.Name}
}

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		if err := invocation(api); err != nil {
			log.Fatal(err)
		}
	}
}

// invocation waits for one event and answers it.
func invocation(api string) error {
	res, err := http.Get(api + "next")
	if err != nil {
		return fmt.Errorf("next event: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	out, err := json.Marshal(handle(e))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	sent, err := http.Post(api+res.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(out))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return sent.Body.Close()
}
