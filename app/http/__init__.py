"""HTTP around the routes.

protocol    what cannot be parsed as HTTP
middleware  around each request: its id, time, log line, count, and what went wrong
cors        pages of other origins
headers     media types, and what answer the client would like
gone        clients that hang up
door        single fits are turned away while the queue is full
ids         in paths and queries
queries     unknown parameters are refused
responses   what OpenAPI shows besides bodies: errors, headers
openapi     the document: FastAPI's own, plus the bodies that `reading` takes
"""
