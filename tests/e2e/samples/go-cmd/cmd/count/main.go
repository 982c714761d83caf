package main

import (
	"fmt"

	"example.org/shelf"
)

func main() { fmt.Println(len(shelf.Books()), "books") }
