//! Places, as a link to a map.

use serde_json::Value;
use tieline_core::markup::{Block, Markup};

use crate::fields::{name, number, text};
use crate::kinds::{Said, line};
use crate::markup::parse;
use crate::unwrap::Inner;

/// A place, or the beginning of a live one: the addon tells only where it was at first.
pub(super) fn said(message: &Inner<'_>) -> Option<Said> {
    let live = message.kind == "liveLocationMessage";
    let place = message.content;
    let mut blocks = Vec::new();
    if live {
        blocks.push(line("📍 Live location"));
    }
    blocks.extend(lines(place, !live));
    blocks.extend(
        text(place, "caption").or_else(|| text(place, "comment")).map(|said| parse(&said).blocks).into_iter().flatten(),
    );
    (!blocks.is_empty()).then(|| Said { text: Markup { blocks }, ..Said::default() })
}

/// The name with the address, and the link.
pub(super) fn lines(place: &Value, sign: bool) -> Vec<Block> {
    let named: Vec<String> = [name(place, "name"), name(place, "address")].into_iter().flatten().collect();
    let link = link(place);
    if named.is_empty() && link.is_none() {
        return Vec::new();
    }
    let head = if named.is_empty() { "Location".to_owned() } else { named.join(", ") };
    let head = (sign || !named.is_empty()).then(|| line(if sign { format!("📍 {head}") } else { head }));
    head.into_iter().chain(link.map(line)).collect()
}

/// A link to the place on OpenStreetMap, if it is one on earth.
fn link(place: &Value) -> Option<String> {
    let latitude = number(place, "degreesLatitude").filter(|latitude| (-90.0..=90.0).contains(latitude))?;
    let longitude = number(place, "degreesLongitude").filter(|longitude| (-180.0..=180.0).contains(longitude))?;
    // Seven places are a centimetre.
    let [latitude, longitude] = [latitude, longitude].map(|degrees| {
        let fixed = format!("{degrees:.7}");
        fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
    });
    Some(format!("https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"))
}

#[cfg(test)]
mod tests {
    use crate::kinds::said;
    use crate::kinds::tests::{payload, plain};
    use serde_json::json;

    #[test]
    fn a_place_is_a_link_with_its_name() {
        let place = json!({ "locationMessage": { "degreesLatitude": 48.1351, "degreesLongitude": "11.582", "name": "Marienplatz", "address": "Mun\nich" } });
        assert_eq!(
            plain(&place),
            "📍 Marienplatz, Mun ich\nhttps://www.openstreetmap.org/?mlat=48.1351&mlon=11.582#map=17/48.1351/11.582"
        );
        let bare = json!({ "locationMessage": { "degreesLatitude": 0, "degreesLongitude": -0.000_000_1 } });
        assert!(plain(&bare).starts_with("📍 Location\nhttps://www.openstreetmap.org/?mlat=0&mlon=-0.0000001#"));
    }

    #[test]
    fn a_live_place_says_so() {
        let place =
            json!({ "liveLocationMessage": { "degreesLatitude": 1, "degreesLongitude": 2, "caption": "on *my* way" } });
        assert_eq!(
            plain(&place),
            "📍 Live location\nhttps://www.openstreetmap.org/?mlat=1&mlon=2#map=17/1/2\non my way"
        );
    }

    #[test]
    fn no_place_on_earth_is_no_link() {
        let odd = json!({ "locationMessage": { "degreesLatitude": 123, "degreesLongitude": 2, "name": "Nowhere" } });
        assert_eq!(plain(&odd), "📍 Nowhere");
        let none = said(&payload(
            &json!({ "locationMessage": { "degreesLatitude": null } }),
            &json!({ "content": "📍 [Location Share]" }),
        ));
        assert_eq!(none.expect("the addon's words").text.to_plain(), "📍 [Location Share]");
    }
}
