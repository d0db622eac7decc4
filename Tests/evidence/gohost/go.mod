module gohost

go 1.19

require hedgerouter v0.0.0

replace hedgerouter => ../../../bindings/go
