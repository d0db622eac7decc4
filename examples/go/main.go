package main

import (
	"context"
	"fmt"
	"hedgerouter"
	"log"
	"os"
)

func main() {
	config, _ := os.ReadFile("router.json")
	router, err := hedgerouter.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()
	question := []hedgerouter.Message{{Role: "user", Content: "Say hello."}}
	answer, err := router.Complete(context.Background(), hedgerouter.Request{Model: "chat", Messages: question})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text())
}
