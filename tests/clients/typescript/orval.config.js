const input = "openapi.yaml";

export default {
  client: { input, output: { client: "fetch", target: "orval/tasks.ts", baseUrl: { runtime: "process.argv[2]" } } },
  schemas: { input, output: { client: "zod", target: "orval/zod.ts" } },
};
