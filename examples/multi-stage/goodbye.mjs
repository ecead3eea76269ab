import { greet } from "./greeting.mjs";

export const handler = async (event) => greet("goodbye", event);
