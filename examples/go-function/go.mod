module example/go-function

go 1.26
