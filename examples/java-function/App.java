package example;

import java.util.Map;

/** A function that needs no library: Lambda makes a map of the event, and JSON of the answer. */
public class App {
    public Map<String, String> handleRequest(Map<String, String> event) {
        return Map.of("hello", event.getOrDefault("name", "world"));
    }
}
