# docker build -t monerotraffic .
# docker run --rm -v "$PWD/captures:/captures:ro" -v "$PWD/report:/report" monerotraffic report /captures -o /report

FROM python:3.13-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libpcap-dev libzstd-dev zlib1g-dev
COPY . /source
RUN pip wheel --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpcap0.8 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[report,store,analysis,asn]" && rm -rf /wheels
RUN useradd --create-home --uid 1000 monerotraffic
# For other users too (docker run --user), whose home is not writable.
ENV MPLCONFIGDIR=/tmp
USER monerotraffic
WORKDIR /home/monerotraffic
ENTRYPOINT ["monerotraffic"]
CMD ["--help"]
