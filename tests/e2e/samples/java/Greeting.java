class Greeting {
    static String of(String path) {
        return "Java greets " + path + "\n";
    }
}
