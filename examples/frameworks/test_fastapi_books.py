"""Tests of fastapi_books.py. Run them with: pytest test_fastapi_books.py"""

import pytest
from fastapi.testclient import TestClient
from fastapi_books import app, get_books


@pytest.fixture
def site(motor_db):
    # `motor_db` is an empty database on a MongoDB that Motor's plugin starts for the run.
    app.dependency_overrides[get_books] = lambda: motor_db.books
    # The test client runs the application on an event loop in a thread of its own.
    yield TestClient(app)
    app.dependency_overrides.clear()


def test_a_book_is_found(site):
    assert site.post("/books", json={"title": "Momo", "year": 1973}).status_code == 201
    assert site.get("/books").json() == [{"title": "Momo", "year": 1973}]
    assert site.get("/books?before=1970").json() == []


@pytest.mark.asyncio
async def test_a_book_is_stored(site, motor_db):
    site.post("/books", json={"title": "Momo", "year": 1973})
    assert await motor_db.books.count_documents({}) == 1
