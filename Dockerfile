FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /oore .

# Builds run in this image: add what your pipelines need (Flutter, Java, the Android SDK) in an image of your own, FROM this one.
FROM debian:stable-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git git-lfs openssh-client \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 10001 oore \
  && install -d -o oore -g oore -m 0700 /data
COPY --from=build /oore /usr/local/bin/oore
USER oore
ENV OORE_LISTEN_ADDR=0.0.0.0:8787 OORE_DATA_DIR=/data
VOLUME /data
EXPOSE 8787
ENTRYPOINT ["oore"]
CMD ["serve"]
