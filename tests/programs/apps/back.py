"""The service that is called: knows the stock of every article but one."""

from flask import Flask

app = Flask(__name__)


@app.get("/stock/<int:number>")
def stock(number):
    """How many there are; article 13 is a fault."""
    if number == 13:
        return {"stock": None}, 500
    return {"stock": number * 2}
