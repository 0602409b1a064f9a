# xtransplant on a CPU, with the releases that it is tested with. Needs BuildKit, which Docker has.
#
#   docker build -t xtransplant .
#   docker run --rm -v "$PWD:/work" xtransplant trace --strategy attn-swap --plot grid.png
#
# For a GPU, torch as the package index has it: --build-arg TORCH_INDEX=https://pypi.org/simple, and
# docker run --gpus all.
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# The sources are there while this runs, and not in the image; what .dockerignore says is all of them.
RUN --mount=type=bind,target=/src,rw --mount=type=cache,target=/root/.cache/pip \
    pip install --extra-index-url "$TORCH_INDEX" -c /src/constraints.txt "/src[gguf,langid,choose]" \
    && useradd --create-home --uid 1000 xtp \
    && install -d -o xtp -g xtp /work

USER 1000
WORKDIR /work
ENTRYPOINT ["xtp"]
CMD ["--help"]
