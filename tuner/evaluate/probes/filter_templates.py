"""The snippets of `filter_snippets` as text: a form after `==`, then code with a place for a name.

What stands behind the line with the name is the code that is scored.
"""

from __future__ import annotations

TEXT = """\
== string
def test_route():
    place = "{name}"
    route = plan_route(start, place)
    assert route.distance > 0
    assert route.stops[-1].name == place
== string
EVENTS = [
    ("{name}", 1989),
    ("Opening of the library", 1991),
]


def years():
    return sorted(year for _, year in EVENTS)
== string
def title():
    text = "{name}"
    words = text.split()
    return " ".join(word.capitalize() for word in words)
== string
logger.info("importing rows about %s", "{name}")
for row in reader:
    if not row["id"]:
        continue
    table.insert(row["id"], row["value"])
== string
parser.add_argument("--topic", default="{name}")
arguments = parser.parse_args()
with open(arguments.path, encoding="utf-8") as stream:
    data = json.load(stream)
== string
SELECT = "SELECT id FROM articles WHERE topic = '{name}'"


def ids(connection):
    cursor = connection.execute(SELECT)
    return [row[0] for row in cursor.fetchall()]
== string
response = client.get("/search", params={"q": "{name}"})
response.raise_for_status()
hits = response.json()["hits"]
for hit in hits:
    print(hit["title"])
== string
captions = {"1.jpg": "{name}"}
for path, caption in captions.items():
    image = load_image(folder / path)
    draw_text(image, caption)
    image.save(out / path)
== comment
# geometry for {name}, from the land registry
def area(points):
    total = 0.0
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        total += x1 * y2 - x2 * y1
    return abs(total) / 2
== comment
# TODO: the article on {name} has no picture yet
def missing(articles):
    return [each for each in articles if each.picture is None]
== comment
# sample 14 of the corpus: {name}
def read_sample(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read().splitlines()
== comment
# see also the page on {name}
class Page:
    def __init__(self, title, body):
        self.title = title
        self.body = body

    def words(self):
        return len(self.body.split())
== comment
# the column header was {name} in the old export
def rename(columns, mapping):
    return [mapping.get(column, column) for column in columns]
== comment
# names checked by hand: {name}
def normalise(name):
    name = name.strip().lower()
    return "_".join(name.split())
== comment
# cache key of the talk about {name}
def cache_key(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()
== comment
# fixture: a reader asks about {name}
def test_answer(client):
    reply = client.ask(question)
    assert reply.status == 200
    assert reply.text
== identifier
def count_{name}(rows):
    total = 0
    for row in rows:
        if row.active:
            total += row.count
    return total
== identifier
class {name}Importer(Importer):
    def __init__(self, path):
        self.path = path

    def rows(self):
        with open(self.path) as stream:
            yield from csv.DictReader(stream)
== identifier
{name}_rows = load_rows(path)
by_year = defaultdict(list)
for row in rows:
    by_year[row.year].append(row)
for year in sorted(by_year):
    print(year, len(by_year[year]))
== identifier
def test_{name}_page(client):
    response = client.get(url)
    assert response.status_code == 200
    assert "title" in response.text
== identifier
topic_{name} = Topic.objects.create(kind=kind)
topic.tags.add(tag)
topic.save()
assert Topic.objects.count() == 1
== identifier
def map_of_{name}(width, height):
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, height), fill=background)
    return image
== identifier
articles_about_{name} = []
for article in articles:
    if topic in article.topics:
        found.append(article)
return found
== identifier
from archive import {name}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    options = parser.parse_args()
"""
