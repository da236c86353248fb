# callee: socket.create_server
import selectors
import socket
import socketserver
import threading

print(socket.gethostbyname("localhost"), socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4])
print(("127.0.0.1", 5) in {one[4] for one in socket.getaddrinfo("localhost", 5)})
with socket.create_server(("127.0.0.1", 0)) as server:
    client = socket.create_connection(("localhost", server.getsockname()[1]), timeout=5)
    other, address = server.accept()
    client.sendall(b"ping")
    print(other.recv(10), address[0], other.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM)
    client.close()
    print(other.recv(10))
    other.close()
left, right = socket.socketpair()
selector = selectors.DefaultSelector()
selector.register(right, selectors.EVENT_READ, "right")
left.send(b"x")
print([key.data for key, _ in selector.select(1)], right.recv(1))
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagram.bind(("127.0.0.1", 0))
datagram.sendto(b"self", datagram.getsockname())
print(datagram.recvfrom(10)[0])
unix = socket.socket(socket.AF_UNIX)
unix.bind("here.sock")
print(unix.getsockname())


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline().title())


with socketserver.TCPServer(("127.0.0.1", 0), Echo) as server:
    threading.Thread(target=server.handle_request).start()
    with socket.create_connection(server.server_address) as client:
        client.sendall(b"hello there\n")
        print(client.makefile().read())
try:
    socket.create_connection(("127.0.0.1", 1), timeout=1)
except OSError as error:
    print(error)
