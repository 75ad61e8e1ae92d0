# One image for web, worker and clock: docker-compose.yml says which is which.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 UV_PROJECT_ENVIRONMENT=/app/.venv UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9 && useradd --create-home --uid 10001 cartrover
WORKDIR /app

# The packages change seldom, the code often: two layers.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-cache
COPY . .
RUN SECRET_KEY=unused CARTROVER_VAR=/tmp/build .venv/bin/python manage.py collectstatic --noinput \
    && rm -rf /tmp/build && mkdir -p /app/var && chown cartrover /app/var

USER cartrover
ENV PATH="/app/.venv/bin:$PATH"
EXPOSE 8000
CMD ["gunicorn", "cartrover.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", \
     "--threads", "8", "--no-control-socket"]
