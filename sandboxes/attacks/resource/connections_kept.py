"""Leaves a port behind in TIME_WAIT, which the next program, or the witness, could not bind."""
# expect: passed
import socket

server = socket.socket()
server.bind(("127.0.0.1", 4567))
server.listen()
client = socket.create_connection(("127.0.0.1", 4567))
accepted, _ = server.accept()
accepted.close()
client.close()
server.close()
