// SPDX-License-Identifier: Apache-2.0

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A small service on the Java virtual machine: what is posted to it becomes a line of a log on its volume, synced
 * before the answer; what is asked for is the whole log.
 */
public final class Store {
    private final List<String> lines;
    private final FileChannel log;

    private Store(Path file) throws IOException {
        lines = Files.exists(file) ? new ArrayList<>(Files.readAllLines(file)) : new ArrayList<>();
        log = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    private synchronized String add(String line) throws IOException {
        log.write(ByteBuffer.wrap((line + "\n").getBytes()));
        log.force(true);
        lines.add(line);
        return lines.size() + "\n";
    }

    private synchronized String all() {
        return String.join("\n", lines) + "\n";
    }

    private void answer(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes());
        byte[] text = (exchange.getRequestMethod().equals("POST") ? add(body) : all()).getBytes();

        exchange.sendResponseHeaders(200, text.length);
        exchange.getResponseBody().write(text);
        exchange.close();
    }

    public static void main(String[] args) throws IOException {
        Store store = new Store(Path.of(args[0]));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])), 0);

        server.createContext("/", store::answer);
        server.start();
        System.out.println("serving");
    }
}
