const http = require("node:http");
const { echo } = require("sockets");

const server = http.createServer((request, response) => {
  echo(`you asked for ${request.url}`, (text) => response.end(text));
});
server.listen(process.env.PORT, "0.0.0.0");
