export const greet = (word, event) => ({ [word]: event.name ?? "world" });
