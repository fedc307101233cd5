"""Hostile HTTP: what comes before the API is asked at all. Data for test_hostile.py."""

import gzip
from dataclasses import dataclass

from tests.wire import HOST, JSON, chunks, get, request, send_chunks, send_json

CLOSES = "closes"  # without an answer: the request was never whole
WAITS = "waits"  # for the rest, which a client that is only slow would send
A = '{"title": "A"}'
ROOT = "GET /tasks/ HTTP/1.1"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Case:
    name: str
    raw: bytes
    status: int | str
    code: str = ""
    names: tuple[str, ...] = ()  # what `errors` must name: parameters or pointers
    writes: bool = False  # whether it may change the table


def bad(name: str, raw: bytes) -> Case:
    return Case(name, raw, 400, "bad_request")


REQUEST_LINES = [
    bad("no method", request(" /tasks/ HTTP/1.1", HOST)),
    bad("a method in lower case", get("/tasks/", method="get")),
    bad("a method in mixed case", get("/tasks/", method="Get")),
    bad("a method with a blank", get("/tasks/", method="GE T")),
    bad("a method with a tab", get("/tasks/", method="GE\tT")),
    bad("a method with brackets", get("/tasks/", method="G(E)T")),
    bad("a method with a quote", get("/tasks/", method='GET"')),
    bad("a method with NUL", get("/tasks/", method="GET\0")),
    bad("a method outside of ASCII", get("/tasks/", method="GÉT")),
    bad("a method of one letter", get("/tasks/", method="G")),
    bad("a method of 21 letters", get("/tasks/", method="G" * 21)),
    bad("two blanks before the target", get(" /tasks/")),
    bad("tabs instead of blanks", request("GET\t/tasks/\tHTTP/1.1", HOST)),
    bad("a blank behind the version", request("GET /tasks/ HTTP/1.1 ", HOST)),
    bad("a blank in the target", get("/tas ks/")),
    bad("no target", get("")),
    bad("only a word", request("HELLO", HOST)),
    bad("an empty line for a request line, twice", b"\r\n\r\n" + get("/tasks/")),
    Case("one empty line before it (RFC 9112, section 2.2)", b"\r\n" + get("/tasks/"), 200),
    bad("NUL in the target", get("/tasks/\0")),
    bad("CR in the target", get("/tasks/\r")),
    bad("LF in the target", get("/tasks/\n")),
    bad("ESC in the target", get("/tasks/\x1b[2J")),
    bad("DEL in the target", get("/tasks/\x7f")),
    bad("a raw byte over 127 in the path", get("/tasks/\xe9")),
    bad("a raw byte over 127 in the query", get("/tasks/?search=\xe9")),
    bad("a fragment", get("/tasks/#1")),
    bad("a fragment behind the query", get("/tasks/?limit=1#x")),
    bad("a path without its slash", get("tasks/")),
    bad("a backslash for a slash", get("\\tasks\\")),
    bad("an asterisk for GET", get("*")),
    bad("an authority for GET", get("127.0.0.1:80")),
    Case("an asterisk for OPTIONS", get("*", method="OPTIONS"), 404, "not_found"),
    Case("an absolute target", get("http://127.0.0.1/tasks/"), 200),
    Case("an absolute target over TLS", get("https://127.0.0.1/tasks/"), 200),
    bad("an absolute target that is not ours (RFC 9112, section 3.2.2)", get("http://evil.example/tasks/")),
    bad("an absolute target with user info", get("http://127.0.0.1@evil.example/tasks/")),
    bad("an absolute target without a host", get("http:///tasks/")),
    bad("an absolute target of another scheme", get("ftp://127.0.0.1/tasks/")),
    bad("an absolute target with half a bracket", get("http://[::1/tasks/")),
    Case("a target that fills the line", get("/tasks/?search=" + "x" * (8190 - 28)), 400, "invalid_query", ("search",)),
    Case("one byte more", get("/tasks/?search=" + "x" * (8190 - 27)), 414, "uri_too_long"),
    Case("a line without an end", b"GET /" + b"x" * 9000, 414, "uri_too_long"),
]

VERSIONS = [
    bad("HTTP/0.9", b"GET /tasks/\r\n\r\n"),
    bad("HTTP/2.0", request("GET /tasks/ HTTP/2.0", HOST)),
    bad("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    bad("HTTP/0.9 by name", request("GET /tasks/ HTTP/0.9", HOST)),
    bad("HTTP/1", request("GET /tasks/ HTTP/1", HOST)),
    bad("HTTP/1.10", request("GET /tasks/ HTTP/1.10", HOST)),
    bad("HTTP/1,1", request("GET /tasks/ HTTP/1,1", HOST)),
    bad("HTTP/-1.1", request("GET /tasks/ HTTP/-1.1", HOST)),
    bad("http/1.1", request("GET /tasks/ http/1.1", HOST)),
    bad("HTTP in lookalike digits", request("GET /tasks/ HTTP/¹.1", HOST)),
    bad("another protocol", request("GET /tasks/ ICY/1.1", HOST)),
    bad("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    bad("SSH on a plain port", b"SSH-2.0-OpenSSH_9.9\r\n"),
    Case("HTTP/1.0", request("GET /tasks/ HTTP/1.0", HOST), 200),
    Case("HTTP/1.0 without Host", request("GET /tasks/ HTTP/1.0"), 200),
]

HOSTS = [
    bad("no Host (RFC 9112, section 3.2)", request(ROOT)),
    bad("no Host for a path that is not there", request("GET /nothing HTTP/1.1")),
    bad("two Hosts", request(ROOT, HOST, "Host: evil.example")),
    bad("two equal Hosts", request(ROOT, HOST, HOST)),
    bad("two Hosts in one", request(ROOT, "Host: 127.0.0.1, evil.example")),
    bad("an empty Host", request(ROOT, "Host: ")),
    bad("another Host", request(ROOT, "Host: evil.example")),
    bad("a Host that ends as ours begins", request(ROOT, "Host: evil127.0.0.1")),
    bad("a Host with user info", request(ROOT, "Host: evil@127.0.0.1")),
    bad("a Host with a path", request(ROOT, "Host: 127.0.0.1/evil")),
    bad("a Host with a port that is no number", request(ROOT, "Host: 127.0.0.1:http")),
    bad("a Host with a negative port", request(ROOT, "Host: 127.0.0.1:-1")),
    bad("a Host of IPv6 that is not ours", request(ROOT, "Host: [::1]:8000")),
    bad("a Host with half a bracket", request(ROOT, "Host: [::1")),
    bad("a Host with markup", request(ROOT, "Host: <script>")),
    bad("a Host outside of ASCII", request(ROOT, "Host: löcalhost")),
    bad("a Host with a blank", request(ROOT, "Host: local host")),
    bad("a Host with NUL", request(ROOT, "Host: localhost\0")),
    bad("a Host with an underscore", request(ROOT, "Host: local_host")),
    Case("a Host with a port", request(ROOT, "Host: 127.0.0.1:80"), 200),
    Case("a Host in capitals", request(ROOT, "HOST: LOCALHOST"), 200),
    Case("a forged X-Forwarded-Host", get("/tasks/", "X-Forwarded-Host: evil.example"), 200),
    Case("a forged Forwarded", get("/tasks/", "Forwarded: host=evil.example;proto=gopher"), 200),
]

HEADERS = [
    bad("bare LF line ends", b"GET /tasks/ HTTP/1.1\nHost: 127.0.0.1\n\n"),
    bad("one bare LF", request(ROOT, HOST + "\nA: b")),
    bad("a bare CR", request(ROOT, HOST, "A: b\rc")),
    bad("a folded header", request(ROOT, HOST, "A: b", " c")),
    bad("a header that starts with a blank", request(ROOT, " A: b", HOST)),
    bad("a header without a colon", request(ROOT, HOST, "A")),
    bad("a header without a name", request(ROOT, HOST, ": b")),
    bad("a blank before the colon", request(ROOT, HOST, "A : b")),
    bad("a blank in a name", request(ROOT, HOST, "A b: c")),
    bad("NUL in a name", request(ROOT, HOST, "A\0: b")),
    bad("a name outside of ASCII", request(ROOT, HOST, "Ä: b")),
    bad("NUL in a value", request(ROOT, HOST, "A: b\0")),
    bad("ESC in a value", request(ROOT, HOST, "A: \x1b[2J")),
    bad("DEL in a value", request(ROOT, HOST, "A: \x7f")),
    Case("bytes over 127 in a value", get("/tasks/", "A: \xff\xfe", "Cookie: a=\xff", "Accept-Language: \xe9"), 200),
    Case("100 headers", get("/tasks/", *(f"A{number}: b" for number in range(99))), 200),
    Case("101 headers", get("/tasks/", *(f"A{number}: b" for number in range(100))), 431, "headers_too_large"),
    Case("a header of 8,190 bytes", get("/tasks/", "A: " + "x" * (8190 - 5)), 200),
    Case("a header of one byte more", get("/tasks/", "A: " + "x" * (8190 - 4)), 431, "headers_too_large"),
    Case("headers without an end", request(ROOT, HOST)[:-2] + b"A: " + b"x" * MIB, 431, "headers_too_large"),
    Case("SCRIPT_NAME from a proxy", get("/tasks/", "SCRIPT_NAME: /evil"), 200),
    Case("SCRIPT_NAME that fits", get("/tasks/", "SCRIPT_NAME: /tasks"), 200),
    Case("PATH_INFO from a proxy", get("/tasks/", "PATH_INFO: /admin/"), 200),
    Case("X-HTTP-Method-Override", get("/tasks/7", "X-HTTP-Method-Override: DELETE"), 200),
    Case("X-Original-URL", get("/tasks/", "X-Original-URL: /admin/", "X-Rewrite-URL: /admin/"), 200),
    Case("two schemes", get("/tasks/", "X-Forwarded-Proto: https", "X-Forwarded-SSL: off"), 200),
    Case("Expect: 100-continue without a body", get("/tasks/", "Expect: 100-continue"), 200),
    Case("Expect: junk", get("/tasks/", "Expect: junk"), 417, "expectation_failed"),
    Case("an upgrade to HTTP/2", get("/tasks/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"), 200),
    Case("an upgrade to WebSocket", get("/tasks/", "Connection: Upgrade", "Upgrade: websocket"), 200),
    Case("Range", get("/tasks/", "Range: bytes=0-1"), 200),
    Case("Range, malformed", get("/tasks/7", "Range: bytes=9-1,junk"), 200),
    Case("If-Modified-Since, malformed", get("/tasks/7", "If-Modified-Since: yesterday"), 200),
    Case("a session with NUL", get("/tasks/", 'Cookie: sessionid="aaaaaaaaaaaaaaaa\\000"'), 200),
    Case("a session that no one has", get("/tasks/", "Cookie: sessionid=../../etc/passwd'--; csrftoken=x"), 200),
    Case("a session of 8,000 letters", get("/tasks/", "Cookie: sessionid=" + "a" * 8000), 200),
    Case("a cookie that is none", get("/tasks/", 'Cookie: ;;;=;"=";\\'), 200),
]

# Without a length that both sides agree on, the rest of the connection could be read as another request.
LENGTHS = [
    bad(
        f"Content-Length: {value[:20]}",
        request("POST /tasks/ HTTP/1.1", HOST, JSON, f"Content-Length: {value}", body=b"x"),
    )
    for value in ("", "-1", "+14", "0x0e", "1e1", "14.0", "1 4", "14, 14", "abc", "²", "9" * 5000, "1_4")
] + [
    bad("two Content-Lengths", send_json(A, "Content-Length: 14")),
    bad("two Content-Lengths that differ", send_json(A, "Content-Length: 0")),
    bad("Content-Length and Transfer-Encoding", send_json(chunks(A), "Transfer-Encoding: chunked")),
    bad("Transfer-Encoding: gzip (RFC 9112, section 6.3)", send_json(A, "Transfer-Encoding: gzip")),
    bad("Transfer-Encoding: identity", send_json(A, "Transfer-Encoding: identity")),
    bad("chunked twice", request("POST /tasks/ HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked, chunked")),
    bad("chunked twice, in two headers", send_chunks(chunks(A), "Transfer-Encoding: chunked")),
    bad("chunked, then gzip", request("POST /tasks/ HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked, gzip")),
    bad(
        "chunked in HTTP/1.0",
        request("POST /tasks/ HTTP/1.0", HOST, JSON, "Transfer-Encoding: chunked", body=chunks(A)),
    ),
    *(
        Case(
            f"Transfer-Encoding: {value}",
            request("POST /tasks/ HTTP/1.1", HOST, JSON, f"Transfer-Encoding: {value}", body=chunks(body)),
            501,
            "transfer_coding_not_implemented",
        )
        for value, body in (
            ("xchunked", A),
            ("chunked;q=1", A),
            ('"chunked"', A),
            ("gzip, chunked", gzip.compress(A.encode())),
            ("identity, chunked", A),
        )
    ),
    Case("more than 1 MiB by its length alone", send_json(b" " * (MIB + 1) + A.encode()), 413, "body_too_large"),
    Case(
        "a length of 10^100",
        request("POST /tasks/ HTTP/1.1", HOST, JSON, f"Content-Length: {10**100}", body=b"{"),
        413,
        "body_too_large",
    ),
    bad(
        "a body that ends before its length",
        request("POST /tasks/ HTTP/1.1", HOST, JSON, "Content-Length: 99", body=A.encode()),
    ),
]

CHUNKS = [
    *(
        bad(f"a chunk size of {size[:12]!r}", send_chunks(f"{size}\r\n{A}\r\n0\r\n\r\n"))
        for size in ("", "zz", "-1", "+e", "0xe", " e", "e ", "1_4", "e\te", "F" * 9000, "e\n", "٣")
    ),
    bad("a chunk longer than its size", send_chunks(f"1\r\n{A}\r\n0\r\n\r\n")),
    bad("a chunk shorter than its size", send_chunks(f"f\r\n{A}\r\n0\r\n\r\n")),
    bad("a chunk size of 2^64 - 1", send_chunks(f"{'F' * 16}\r\n{A}\r\n0\r\n\r\n")),
    bad("a chunk ended by LF", send_chunks(f"e\r\n{A}\n0\r\n\r\n")),
    bad("a chunk size ended by LF", send_chunks(f"e\n{A}\r\n0\r\n\r\n")),
    bad("no last chunk", send_chunks(f"e\r\n{A}\r\n")),
    bad("a last chunk without its empty line", send_chunks(f"e\r\n{A}\r\n0\r\n")),
    bad("no chunk at all", send_chunks("")),
    bad("a chunk extension that is none", send_chunks(f'e;a="\r\n{A}\r\n0\r\n\r\n')),
    bad("a chunk extension with CR", send_chunks(f"e;a=\rb\r\n{A}\r\n0\r\n\r\n")),
    bad("a trailer with a length", send_chunks(f"e\r\n{A}\r\n0\r\nContent-Length: 1\r\n\r\n")),
    bad("a trailer without a colon", send_chunks(f"e\r\n{A}\r\n0\r\nA\r\n\r\n")),
    Case("101 trailers", send_chunks(f"e\r\n{A}\r\n0\r\n" + "A: b\r\n" * 101 + "\r\n"), 431, "headers_too_large"),
    Case("chunks of one byte", send_chunks(chunks(*A)), 201, writes=True),
    Case("chunks with extensions", send_chunks(f'E;a=b;c="d"\r\n{A}\r\n0;e\r\n\r\n'), 201, writes=True),
    Case("chunks with a trailer", send_chunks(f"00e\r\n{A}\r\n000\r\nX-Sum: 1\r\n\r\n"), 201, writes=True),
    Case(
        "chunks in capitals",
        request("POST /tasks/ HTTP/1.1", HOST, JSON, "TRANSFER-ENCODING: CHUNKED", body=chunks(A)),
        201,
        writes=True,
    ),
    Case("chunks of exactly 1 MiB", send_chunks(chunks(A, " " * (MIB - len(A)))), 201, writes=True),
    Case("chunks of one byte more", send_chunks(chunks(A, " " * (MIB - len(A)), " ")), 413, "body_too_large"),
    Case("chunks of 8 MiB", send_chunks(chunks(*[" " * MIB] * 8)), 413, "body_too_large"),
    Case("empty chunks", send_chunks(chunks()), 400, "malformed_json"),
    Case("chunks for a GET", get("/tasks/", "Transfer-Encoding: chunked") + chunks(A), 200),
]

UNFINISHED = [
    Case("nothing", b"", CLOSES),
    Case("half a request line", b"GET /ta", CLOSES),
    Case("half a head", f"{ROOT}\r\n{HOST}\r\n".encode(), CLOSES),
    Case("an empty line", b"\r\n", CLOSES),
    Case("half a request line, kept open", b"GET /ta", WAITS),
    Case("half a head, kept open", f"{ROOT}\r\n{HOST}\r\n".encode(), WAITS),
    Case("half a body, kept open", send_json(A)[:-1], WAITS),
    Case("half the chunks, kept open", send_chunks(f"e\r\n{A}\r\n"), WAITS),
]

CASES = [*REQUEST_LINES, *VERSIONS, *HOSTS, *HEADERS, *LENGTHS, *CHUNKS, *UNFINISHED]
