# The back office in a container: docker build -t mplus-backoffice . && docker run -p 127.0.0.1:8090:8090 -v office:/data
# -e MPLUS_BACKOFFICE_PUBLIC_URL=https://... --stop-timeout 40 mplus-backoffice (what is under way ends first, in up to 30 seconds)
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p mplus-examples --features backoffice --bin backoffice

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home office
COPY --from=build /src/target/release/backoffice /usr/local/bin/backoffice
USER office
WORKDIR /data
VOLUME /data
EXPOSE 8090
# Every address of the container; what the machine shows of it is docker's -p to say. MPLUS_BACKOFFICE_DATABASE names another database
# than /data/backoffice.sqlite.
ENTRYPOINT ["backoffice", "--bind", "0.0.0.0"]
