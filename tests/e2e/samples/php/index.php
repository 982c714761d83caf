<!doctype html>
<title>Guests</title>
<p>Welcome, <?= htmlspecialchars($_GET["name"] ?? "stranger") ?></p>
