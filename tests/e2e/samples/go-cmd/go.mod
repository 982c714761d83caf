module example.org/library

go 1.23

require example.org/shelf v1.0.0
