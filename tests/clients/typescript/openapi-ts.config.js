// The SDK checks each request and response with the zod schemas.
export default {
  input: "openapi.yaml",
  output: "hey-api",
  plugins: ["@hey-api/typescript", "@hey-api/client-fetch", "zod", { name: "@hey-api/sdk", validator: true }],
};
