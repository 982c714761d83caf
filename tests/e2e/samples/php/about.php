<?php
header("Content-Type: application/json");
echo json_encode(["user" => posix_getuid(), "https" => $_SERVER["HTTPS"] ?? "off"]);
