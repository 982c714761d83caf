import { Hono } from "hono";

const api = new Hono();
api.get("/", (context) => context.json({ runtime: process.versions.bun ? "bun" : "node" }));

export default { port: Number(process.env.PORT), hostname: "0.0.0.0", fetch: api.fetch };
