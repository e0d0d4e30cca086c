FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release

FROM debian:bookworm-slim
COPY --from=build /src/target/release/helenus /usr/local/bin/helenus
RUN useradd --system --home-dir /var/lib/helenus --create-home helenus
USER helenus
VOLUME /var/lib/helenus
# Where ./data is, for those who give arguments of their own.
WORKDIR /var/lib/helenus
EXPOSE 9042
# Drivers are told 127.0.0.1 as the address of the node, which is right with `docker run -p 9042:9042`; a cassandra.yaml
# with rpc_address and broadcast_rpc_address says otherwise.
ENTRYPOINT ["/usr/local/bin/helenus"]
CMD ["--data", "/var/lib/helenus", "--listen", "0.0.0.0"]
