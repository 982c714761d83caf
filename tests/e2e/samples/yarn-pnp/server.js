const Koa = require("koa");

const app = new Koa();
app.use((context) => {
  context.body = { loaded: require.resolve("koa") };
});
app.listen(process.env.PORT, "0.0.0.0");
