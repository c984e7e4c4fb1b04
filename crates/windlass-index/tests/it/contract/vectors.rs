//! Finding by vectors.

use windlass_index::IndexError;

use super::*;

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

/// What a loop over all of them says, the nearest first.
fn naive(documents: &[NewDocument], query: &[f32]) -> Vec<(f64, String)> {
    let all = documents.iter().flat_map(|document| {
        let place = |chunk: &NewChunk| format!("{}:{}", document.entry.path, chunk.first_line);
        document.chunks.iter().map(move |chunk| (cosine(&chunk.vector, query), place(chunk)))
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0));
    all
}

async fn check_nearest(snapshot: &dyn Snapshot, documents: &[NewDocument], within: &Filter, query: &[f32]) {
    let expected = naive(documents, query);
    for limit in [1, 7, expected.len()] {
        let hits = snapshot.nearest(query, within, limit).await.unwrap();
        let places = places(snapshot, &hits).await;
        let found: Vec<_> = hits.iter().map(|hit| f64::from(hit.score)).zip(places).collect();
        let wanted = &expected[..limit.min(expected.len())];
        assert_eq!(
            found.iter().map(|(_, place)| place).collect::<Vec<_>>(),
            wanted.iter().map(|(_, place)| place).collect::<Vec<_>>()
        );
        for ((score, place), (exact, _)) in found.iter().zip(wanted) {
            assert!((score - exact).abs() < 1e-5, "{place}: {score}, and not {exact}");
        }
    }
}

pub async fn nearest_is_what_a_plain_scan_says(place: &dyn Place) {
    let index = place.open().await;
    let documents: Vec<_> = (0..60)
        .map(|nth| {
            let texts: Vec<_> = (0..nth % 5).map(|part| format!("part {part} of {nth}")).collect();
            let texts: Vec<_> = texts.iter().map(|text| &**text).collect();
            document(&format!("{}/{nth}.md", if nth % 3 == 0 { "left" } else { "right" }), &texts)
        })
        .collect();
    let gone: Vec<_> = (0..20).map(|nth| document(&format!("left/gone{nth}.md"), &["soon gone"])).collect();
    publish(&*index, gone.iter().chain(&documents[..40]).cloned()).await;
    let mut writer = begin(&*index).await;
    for document in &gone {
        writer.remove(&document.entry.path).await.unwrap();
    }
    for document in &documents[40..] {
        writer.put(document.clone()).await.unwrap();
    }
    writer.publish(about()).await.unwrap();
    let snapshot = current(&*index).await;
    let left = Filter { path: Some("left/*".to_owned()), ..filter() };
    let only_left: Vec<_> =
        documents.iter().filter(|document| document.entry.path.starts_with("left")).cloned().collect();
    for nth in 0..20 {
        let query = vector(&format!("question {nth}"));
        check_nearest(&*snapshot, &documents, &filter(), &query).await;
        check_nearest(&*snapshot, &only_left, &left, &query).await;
    }
}

pub async fn nearest_is_by_cosine_whatever_the_lengths(place: &dyn Place) {
    let index = place.open().await;
    let mut one = document("a.md", &["long and near", "short and nearer", "against", "nowhere"]);
    let mut axis = [0.0; DIMENSIONS];
    axis[0] = 1.0;
    let vectors: [&[f32]; 4] = [
        &[900.0, 300.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &[0.001, 0.0001, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &[-5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &[0.0; DIMENSIONS],
    ];
    for (chunk, vector) in one.chunks.iter_mut().zip(vectors) {
        chunk.vector = vector.to_vec();
    }
    publish(&*index, [one]).await;
    let snapshot = current(&*index).await;
    for length in [1.0, 1e-3, 1e4] {
        let query = axis.map(|part| part * length);
        let hits = snapshot.nearest(&query, &filter(), 3).await.unwrap();
        assert_eq!(places(&*snapshot, &hits).await[..2], ["a.md:3", "a.md:1"]);
        assert!((hits[0].score - 0.995).abs() < 1e-3 && (hits[1].score - 0.9486).abs() < 1e-3, "{hits:?}");
    }
    // What has no direction is near to nothing, and no NaN comes out of it.
    let hits = snapshot.nearest(&axis, &filter(), 10).await.unwrap();
    assert!(hits.iter().all(|hit| hit.score.is_finite()), "{hits:?}");
    assert_eq!(places(&*snapshot, &hits).await[2..], ["a.md:7", "a.md:5"]);
}

pub async fn a_vector_of_another_model_is_refused(place: &dyn Place) {
    let index = place.open().await;
    publish(&*index, [document("a.md", &["text"])]).await;
    let snapshot = current(&*index).await;
    let other = |error| matches!(error, Err::<Vec<Hit>, _>(IndexError::OtherModel { .. }));
    assert!(other(snapshot.nearest(&[1.0; DIMENSIONS - 1], &filter(), 3).await));
    assert!(other(snapshot.nearest(&[1.0; DIMENSIONS * 2], &filter(), 3).await));
    assert!(other(snapshot.nearest(&[], &filter(), 3).await));
    let mut strange = [1.0; DIMENSIONS];
    strange[3] = f32::NAN;
    assert!(matches!(snapshot.nearest(&strange, &filter(), 3).await, Err(IndexError::Invalid(_))));

    let mut writer = begin(&*index).await;
    let mut wrong = document("b.md", &["text"]);
    wrong.chunks[0].vector.push(1.0);
    assert!(matches!(writer.put(wrong).await, Err(IndexError::OtherModel { .. })));
    let mut wrong = document("b.md", &["text"]);
    wrong.chunks[0].vector[0] = f32::INFINITY;
    assert!(matches!(writer.put(wrong).await, Err(IndexError::Invalid(_))));
}

pub async fn known_vectors_are_those_of_the_model(place: &dyn Place) {
    let index = place.open().await;
    let documents = [document("a.md", &["one", "two"]), document("b.md", &["three"])];
    publish(&*index, documents.clone()).await;
    let hashes: Vec<_> = documents.iter().flat_map(|document| &document.chunks).map(|chunk| chunk.hash).collect();
    let asked: Vec<_> = hashes.iter().copied().chain([Hash::of("never seen")]).collect();
    for index in [index, place.open().await] {
        let known = index.known(&model(), &asked).await.unwrap();
        assert_eq!(known.keys().copied().collect::<Vec<_>>(), sorted_hashes(&hashes));
        for chunk in documents.iter().flat_map(|document| &document.chunks) {
            assert_eq!(known[&chunk.hash], chunk.vector);
        }
        assert!(index.known(&model(), &[]).await.unwrap().is_empty());
        let other = Model { name: "test/other".to_owned(), ..model() };
        assert!(index.known(&other, &asked).await.unwrap().is_empty());
    }
}

fn sorted_hashes(hashes: &[Hash]) -> Vec<Hash> {
    let mut hashes = hashes.to_vec();
    hashes.sort();
    hashes
}

pub async fn remembered_vectors_are_there_until_they_are_published(place: &dyn Place) {
    let index = place.open().await;
    let document = document("a.md", &["one", "two", "three"]);
    let [one, two, three] = &document.chunks[..] else { unreachable!() };
    let asked = [one.hash, two.hash, three.hash];
    let remembered = |chunk: &NewChunk| (chunk.hash, chunk.vector.clone());
    index.remember(&model(), &[remembered(one)]).await.unwrap();
    index.remember(&model(), &[remembered(two), remembered(one)]).await.unwrap();
    index.remember(&model(), &[]).await.unwrap();
    let other = Model { name: "test/other".to_owned(), dimensions: 2, normalised: true };
    index.remember(&other, &[(one.hash, vec![0.6, 0.8])]).await.unwrap();

    // The process is gone; the next one begins anew.
    let index = place.open().await;
    let known = index.known(&model(), &asked).await.unwrap();
    assert_eq!(known, BTreeMap::from([remembered(one), remembered(two)]));
    assert_eq!(index.known(&other, &asked).await.unwrap(), BTreeMap::from([(one.hash, vec![0.6, 0.8])]));

    publish(&*index, [document.clone()]).await;
    let known = place.open().await.known(&model(), &asked).await.unwrap();
    assert_eq!(known, document.chunks.iter().map(remembered).collect());
}
