"""Google's part of the work, on this machine: Vertex AI's gRPC services and Cloud Storage's JSON API, from their
published descriptions, so that Google's own clients run in the tests. What an account would add stands in no test."""
