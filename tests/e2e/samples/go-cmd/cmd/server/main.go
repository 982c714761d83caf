package main

import (
	"html/template"
	"log"
	"net/http"
	"os"
	"time"

	"example.org/shelf"
)

func main() {
	page := template.Must(template.ParseFiles("templates/books.html"))
	http.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if err := page.Execute(w, shelf.Books()); err != nil {
			log.Print(err)
		}
	})
	http.HandleFunc("/zone", func(w http.ResponseWriter, r *http.Request) {
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write([]byte(time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC).In(zone).Format("15:04 MST")))
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
