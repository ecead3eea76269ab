module example/web-adapter

go 1.26
