module hedgerouter

go 1.19
